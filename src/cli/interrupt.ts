/**
 * Ctrl-C: the first ends what is under way in good order, the second ends the program.
 */
export interface Interrupt extends Disposable {
  readonly signal: AbortSignal
}

const interruptedExitCode = 130

export function onInterrupt(): Interrupt {
  const controller = new AbortController()
  const handler = () => {
    if (controller.signal.aborted) process.exit(interruptedExitCode)
    process.exitCode = interruptedExitCode
    controller.abort()
  }
  process.on('SIGINT', handler)
  process.on('SIGTERM', handler)
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      process.off('SIGINT', handler)
      process.off('SIGTERM', handler)
    },
  }
}
