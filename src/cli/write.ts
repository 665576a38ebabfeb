/** Where a command's result goes: a line, or a JSON object, and a line feed behind it. */
export type Write = (text: string) => void

export const toStdout: Write = (text) => void process.stdout.write(`${text}\n`)
