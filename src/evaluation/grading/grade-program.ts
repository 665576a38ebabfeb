/** Whether a program passes its tests, or prints what it has to. */
import { EngineError } from '../../errors.ts'
import { readCodeCheck, wholeProgram, wholeTest } from '../code/code-answer.ts'
import type { SandboxJob, SandboxResult } from '../code/sandbox.ts'

/** Runs programs where they can do no harm. `Grader` is one. */
export interface ProgramSandbox {
  run(job: Omit<SandboxJob, 'limits'>): Promise<SandboxResult>
}

/** @throws EngineError `no_sandbox` without one */
export async function gradeProgram(
  program: string,
  expected: string,
  sandbox: Partial<ProgramSandbox>,
): Promise<{ readonly right: boolean; readonly graded: string }> {
  if (!sandbox.run) throw new EngineError('no_sandbox', 'there is nothing that could run programs in safety')
  const check = readCodeCheck(expected)
  if ('output' in check) {
    const result = await sandbox.run({ program, test: null })
    if (result.how !== 'ended') return { right: false, graded: failureOf(result) }
    const right = trimmed(result.output) === trimmed(check.output)
    return { right, graded: right ? 'output' : 'other output' }
  }
  const result = await sandbox.run({ program: wholeProgram(program, check), test: wholeTest(check) })
  return { right: result.how === 'ended', graded: result.how === 'ended' ? 'tests' : failureOf(result) }
}

function failureOf(result: Exclude<SandboxResult, { how: 'ended' }>): string {
  return result.how === 'threw' ? result.message : result.how
}

/** White space at the ends of lines and of the whole does not count. */
function trimmed(text: string): string {
  return text.replace(/[ \t\r]+$/gm, '').trim()
}
