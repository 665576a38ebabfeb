/**
 * Preloaded into `dynts eval` (`node --import`): a process that sends itself a signal while it writes a record, so that tests
 * need no clock to meet that moment. SIGNAL_AT says which record of this process, from 1; SIGNAL says which signal. Of that
 * record only the first half is in the file when SIGKILL ends the process.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const { SIGNAL: signal = 'SIGKILL', SIGNAL_AT: at } = process.env
const { appendFileSync } = fs
let count = 0
fs.appendFileSync = (path, text) => {
  if (!String(path).endsWith('records.jsonl') || ++count !== Number(at)) return appendFileSync(path, text)
  const half = Math.floor(text.length / 2)
  appendFileSync(path, text.slice(0, half))
  process.kill(process.pid, signal)
  appendFileSync(path, text.slice(half))
}
syncBuiltinESMExports()
