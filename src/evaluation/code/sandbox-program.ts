/** The process that a program runs in: takes one job, says when it begins, gives its result, and ends. */
import { prepareSandbox, type SandboxJob, type SandboxResult } from './sandbox.ts'

export type FromSandbox =
  | { readonly type: 'began' }
  | { readonly type: 'failed'; readonly reason: string }
  | { readonly type: 'result'; readonly result: SandboxResult }

const tell = (message: FromSandbox, then?: () => void) => process.send?.(message, undefined, undefined, then)

process.once('message', (job: SandboxJob) => {
  prepareSandbox().then(
    (run) => {
      tell({ type: 'began' }, () => tell({ type: 'result', result: run(job) }))
    },
    (error: unknown) => tell({ type: 'failed', reason: String(error) }),
  )
})
process.once('disconnect', () => process.exit())
