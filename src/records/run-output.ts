/** The file that a run writes alone, and that a later run goes on with. */
import { InputError } from '../errors.ts'
import { outputFailure } from './file-failure.ts'
import { withFileLock, type WriteLock } from './file-lock.ts'

/**
 * Writes a file, which no other process may write meanwhile.
 * @throws InputError with `code` while another one does; `invalid_output`, and what `write` throws
 */
export async function asOnlyWriter<T>(path: string, code: string, write: (lock: WriteLock) => Promise<T>): Promise<T> {
  const onWait = () => {
    const advice = 'Wait until it has ended, or give another `output`.'
    throw new InputError(code, `another process is writing ${path}. ${advice}`)
  }
  try {
    return await withFileLock(`${path}.lock`, { onWait }, write)
  } catch (error) {
    throw outputFailure(error, path)
  }
}

/** @param why what the file was made with that this run would do otherwise */
export function cannotContinue(path: string, code: string, why: string): InputError {
  const advice = 'give another `output`, or give `resume: false`, which puts it aside'
  return new InputError(code, `${path} cannot be continued: ${why}. Go on with what it was made with, ${advice}.`)
}
