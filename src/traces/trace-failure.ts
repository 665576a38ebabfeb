/**
 * How a failure of sampling is told: whoever reads of it wants to know what it has cost. Recovers nothing.
 */
import { EngineError, InputError } from '../errors.ts'
import { outputFailure } from '../records/file-failure.ts'

export interface WhatIsKept {
  /** The trace file. */
  readonly output: string
  readonly recorded: number
  readonly total: number
  /** Whether the run went on with what the file held: one that did not would begin anew again. */
  readonly resume: boolean
}

/** Where samples that failed are listed (`FailureLog`). */
export const traceFailuresPath = (output: string): string => `${output}.failures.jsonl`

/** A failure while samples were drawn, with what is recorded. A bug is passed on as it is. */
export function samplingFailure(error: unknown, { output, recorded, total, resume }: WhatIsKept): unknown {
  const cause = outputFailure(error, output)
  const kept = `${recorded} of ${total} samples are recorded in ${output}`
  if (cause instanceof EngineError) {
    const command = `the same command${resume ? '' : ' without \`resume: false\`'}`
    return new EngineError(cause.code, `${cause.message} ${kept}; ${command} goes on from there.`, { cause })
  }
  if (!(cause instanceof InputError) || recorded === 0) return cause
  return new InputError(cause.code, `${cause.message} ${kept}.`, { cause })
}
