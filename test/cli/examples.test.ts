/**
 * The programs of `examples/` run to their end on the embedded model, and print what they promise.
 */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const printed: Readonly<Record<string, RegExp>> = {
  'bounded-generation.ts': /\\boxed\{\d+\}\.\n\d+ thinking tokens, at most 128 cells, [1-9]\d* evictions\n$/,
  'evaluation.ts':
    /^dynts: [\d.]+ % \(.*\) of 12 samples right\nquestion-window: .*; to dynts, paired by question: -?[\d.]+ % \(.*\)\n$/,
  'own-policy.ts': /^full: 12, .*\ndynts: .*at most 128 cells\nevery-other: .*at most 128 cells\n$/,
}

test('each program has its place here', () => {
  expect(readdirSync(`${root}/examples`).filter((name) => name.endsWith('.ts'))).toEqual(Object.keys(printed))
})

test.each(Object.entries(printed))('%s', async (name, expected) => {
  const run = promisify(execFile)
  const { stdout, stderr } = await run(process.execPath, ['node_modules/jiti/lib/jiti-cli.mjs', `examples/${name}`], {
    cwd: root,
    timeout: 100_000,
  })
  expect(stderr).toBe('')
  expect(stdout).toMatch(expected)
})
