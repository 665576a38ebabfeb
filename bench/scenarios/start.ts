/** How long the program takes until it can do anything: processes that end at once, beside Node by itself. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { InputError } from '../../src/errors.ts'
import type { Bench } from '../bench.ts'
import { compare, type Variant } from '../compare.ts'
import { builtProgram, program } from '../paths.ts'
import type { Scenario } from '../scenario.ts'

const longestVersionMs = 150

export const start: Scenario = {
  name: 'start',
  summary: `processes of dynts that end at once (target: ${longestVersionMs} ms for --version)`,
  repetitions: 15,
  parts: [{ title: 'no model', model: 'tiny', run }],
}

async function run(bench: Bench): Promise<void> {
  if (!existsSync(builtProgram)) throw new InputError('not_built', 'the program is not built: npm run build')
  const version = [program, '--version']
  // What the file system has not read yet counts for none.
  time(version)
  const variant = (name: string, args: readonly string[]): Variant => ({
    name,
    unit: 'ms',
    measure: () => Promise.resolve(time(args)),
  })
  await compare(
    bench,
    [
      variant('node', ['--eval', '0']),
      { ...variant('dynts --version', version), target: { atMost: longestVersionMs } },
      variant('dynts run --help', [program, 'run', '--help']),
    ],
    [],
  )
}

/** Milliseconds of a process of Node. */
function time(args: readonly string[]): number {
  const begun = performance.now()
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' })
  if (status !== 0) throw new Error(`${args.join(' ')} has ended with code ${status}`)
  return performance.now() - begun
}
