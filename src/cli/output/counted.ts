/** A number for people, e.g. `1,200`. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** A number of things, e.g. `1 trace`, `1,200 traces`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}
