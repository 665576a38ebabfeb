/** Where a command's result goes: a line, or a JSON object, and a line feed behind it. */
export type Write = (text: string) => void

export const toStdout: Write = (text) => void process.stdout.write(`${text}\n`)

/** Who hears what a command says beside its result. */
export type Say = (text: string) => unknown

export const toStderr = (text: string): boolean => process.stderr.write(`${text}\n`)

/** A command's result: the record with `--json`, else the text. */
export function writeResult(flags: { readonly json?: boolean }, record: object, text: string, write = toStdout): void {
  write(flags.json === true ? JSON.stringify(record, null, 2) : text)
}
