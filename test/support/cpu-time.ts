/** Milliseconds of processor time since `since`: what a busy machine, unlike the wall clock, does not lengthen. */
export function cpuMs(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}
