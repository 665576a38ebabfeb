/**
 * What a job can come to, and what carries jobs out: the model in this process, a remote endpoint, or a queue of workers.
 */
import { InputError } from '../errors.ts'

/** How a job ended. */
export type JobOutcome<T> =
  | { readonly kind: 'done'; readonly result: T }
  /** It cannot be begun, e.g. because its prompt does not fit: that is its result, and trying again gives the same. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Something went wrong that is this job's alone. Another try may succeed. */
  | { readonly kind: 'failed'; readonly error: Error }

/** The signal of work that nobody ends. */
export const never: AbortSignal = new AbortController().signal

export interface ExecuteOptions {
  readonly signal: AbortSignal
  /** Called with the number of further tokens, as far as they are known. */
  readonly onToken?: ((tokens: number) => void) | undefined
}

export interface Executor<J, T> {
  /** Jobs to hand out at the same time. */
  readonly parallel: number
  /**
   * @returns undefined if `signal` ended it
   * @throws EngineError, or InputError for what no job can get past: the whole run ends
   */
  execute(job: J, options: ExecuteOptions): Promise<JobOutcome<T> | undefined>
  /** The outcome is recorded, or no longer wanted: nothing of the job needs to be kept. */
  settled?(job: J): void
  close(): Promise<void>
}

/** The outcome of work whose InputErrors are the job's own. Whatever else is thrown is passed on. */
export async function outcomeOf<T>(
  signal: AbortSignal,
  work: () => Promise<T | undefined>,
): Promise<JobOutcome<T> | undefined> {
  try {
    const result = await work()
    return result === undefined ? undefined : { kind: 'done', result }
  } catch (error) {
    if (signal.aborted) return undefined
    if (error instanceof InputError) return { kind: 'failed', error }
    throw error
  }
}
