/** A folder of the test file's own, in a process that others may use as well. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const make = () => mkdtempSync(join(tmpdir(), 'dynts-cli-'))

/** Deleted when the file that tests, or the process, ends. */
export let scratch = make()
process.on('exit', deleteScratch)

export function deleteScratch(): void {
  rmSync(scratch, { recursive: true, force: true })
}

/** For the next file: who imports `scratch` sees the new one. */
export function renewScratch(): void {
  deleteScratch()
  scratch = make()
}
