/**
 * Which jobs on a server belong to which output: a random id in a file beside the output, so that a run that is started again
 * finds its jobs, and runs that share a server do not mix.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { writeFileAtomic } from '../records/atomic-file.ts'

const runFile = z.object({ schema: z.literal('dynts.queue/1'), run: z.string().regex(/^[0-9a-f]{16}$/) })

/** Undefined: there is none yet, or what is there is none. */
export function readRunId(path: string): string | undefined {
  try {
    return runFile.parse(JSON.parse(readFileSync(path, 'utf8'))).run
  } catch {
    return undefined
  }
}

/** @throws InputError `invalid_output`, `disk_full` */
export function newRunId(path: string): string {
  const run = randomBytes(8).toString('hex')
  writeFileAtomic(path, `${JSON.stringify({ schema: 'dynts.queue/1', run })}\n`)
  return run
}
