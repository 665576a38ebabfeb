/**
 * Writes records of the keys 0 .. COUNT - 1 under a lock that is stale after STALE_MS, and suspends itself when it has written
 * its first, as it says on standard output.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { z } from 'zod'
import { withFileLock } from '../../dist/records/file-lock.js'
import { RecordFile } from '../../dist/records/record-file.js'

const { RECORDS: path, COUNT: count, STALE_MS: staleMs } = process.env
let isResumed = false
const schema = z.object({ key: z.string(), by: z.string() })

try {
  await withFileLock(`${path}.lock`, { staleMs: Number(staleMs), pollMs: 10 }, async (lock) => {
    const file = RecordFile.open(path, { schema, keyOf: ({ key }) => key, lock })
    for (let key = 0; key < Number(count); key++) {
      await turn()
      if (!file.add({ key: String(key), by: String(process.pid) }) || isResumed) continue
      isResumed = true
      console.log(key)
      process.kill(process.pid, 'SIGSTOP')
    }
  })
} catch (error) {
  console.error(error.code)
  process.exitCode = 1
}
