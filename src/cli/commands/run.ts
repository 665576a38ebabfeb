/**
 * `dynts run`: one question, thinking under a bounded cache, and what it took. Only the options stand here, so that help and
 * a wrong option need not wait until all that a run takes is imported.
 */
import { Command } from 'commander'
import { addRunOptions, type RunFlags } from '../run/run-options.ts'

export function runCommand(): Command {
  const command = new Command('run').argument('[question]', 'the question; "-" or none reads standard input')
  return addRunOptions(command).action(async (question: string | undefined, flags: RunFlags) => {
    const { run } = await import('../run/run.ts')
    await run(question, flags)
  })
}
