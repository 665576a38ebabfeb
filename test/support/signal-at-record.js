/**
 * Preloaded into dynts (`node --import`): a process that sends itself a signal while it writes a record, so that tests
 * need no clock to meet that moment. SIGNAL_AT says which record of this process, from 1; SIGNAL says which signal. Of that
 * record only the first half is in the file when SIGKILL ends the process.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const { SIGNAL: signal = 'SIGKILL', SIGNAL_AT: at } = process.env
const { appendFileSync, openSync } = fs
let records
let count = 0
fs.openSync = (path, flags) => {
  const file = openSync(path, flags)
  if (String(path).endsWith('records.jsonl') && flags === 'a') records = file
  return file
}
fs.appendFileSync = (file, text) => {
  if (file !== records || ++count !== Number(at)) return appendFileSync(file, text)
  const half = Math.floor(text.length / 2)
  appendFileSync(file, text.slice(0, half))
  process.kill(process.pid, signal)
  appendFileSync(file, text.slice(half))
}
syncBuiltinESMExports()
