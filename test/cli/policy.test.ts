/**
 * `dynts run` under the policies that read attention and keys, and under a user's own.
 */
import type { ChildProcess } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { findPolicy, policyNames } from '../../src/eviction/registry.ts'
import { dynts, refusal, scratch, shortProblem } from './run-dynts.ts'
import { parseRecords } from './run-record.ts'

const { question } = shortProblem
const bound = ['--budget', '120', '--local-window', '12', '--ratio', '0.5', '--threads', '1', '-n', '150', '-t', '0']
const own = join(scratch, 'mine.ts')

beforeAll(() => {
  writeFileSync(
    own,
    `import { definePolicy } from 'dynts'
     import { z } from 'zod'
     export default definePolicy({
       name: 'mine',
       needs: ['attention'],
       queries: 4,
       options: z.object({ share: z.number().default(1), fails: z.boolean().default(false) }),
       create({ share, fails }) {
         const sums = new Map<number, number>()
         return {
           observe({ attention }) {
             attention?.positions.forEach((p, i) => sums.set(p, (sums.get(p) ?? 0) * share + attention.weights[i]!))
           },
           score(candidates) {
             if (fails) throw new Error('not today')
             return Float32Array.from(candidates, (p) => sums.get(p) ?? 0)
           },
         }
       },
     })`,
  )
  writeFileSync(join(scratch, 'broken.ts'), 'export default { name: "broken" }')
})

describe.concurrent('dynts run', () => {
  test('under each policy of the registry that reads attention or keys, and its options', async () => {
    const options = ['--observation-window', '16', '--r-kv-window', '4', '--r-kv-lambda', '0.2', '--r-kv-pool', '3']
    const [first = '', ...others] = policyNames().filter((name) => {
      const { needs } = findPolicy(name)
      return needs.has('attention') || needs.has('keys')
    })
    const compare = ['--policy', first, '--compare', [...others, 'full'].join(), ...options]
    const { code, stdout } = await dynts(['run', question, '--json', ...compare, ...bound])
    expect(code).toBe(0)
    const records = parseRecords(stdout)
    expect(records.map(({ cache }) => cache.policy)).toEqual([first, ...others, 'full'])
    for (const { cache } of records.slice(0, -1)) {
      expect(cache.peakCells).toBe(120)
      expect(cache.evictions).toBeGreaterThan(1)
    }
  })

  test('under a policy of the user, by a relative path, with its option, several samples at once', async () => {
    const args = [
      '--policy',
      './mine.ts',
      '--policy-option',
      'share=0.5',
      '--compare',
      'window',
      '--samples',
      '2',
      '--json',
    ]
    const { code, stdout } = await dynts(['run', question, ...args, ...bound])
    expect(code).toBe(0)
    expect(parseRecords(stdout).map(({ cache }) => cache.policy)).toEqual(['mine', 'mine', 'window', 'window'])
  })

  test('a policy of the user that throws: one line that names it', async () => {
    const { code, stderr } = await dynts(['run', question, '--policy', own, '--policy-option', 'fails=true', ...bound])
    expect(code).toBe(2)
    expect(stderr.trim().split('\n').at(-1)).toBe(`dynts: policy mine (${own}) failed: score: not today.`)
  })

  test('a policy of the user that never returns: Ctrl-C ends the process, the second one at the latest', async () => {
    const looping = join(scratch, 'looping')
    writeFileSync(
      join(scratch, 'endless.mjs'),
      `import { writeFileSync } from 'node:fs'
       export default { name: 'endless', create: () => ({ score() { writeFileSync(${JSON.stringify(looping)}, ''); for (;;); } }) }`,
    )
    const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null
    const interrupt = async (child: ChildProcess) => {
      while (!existsSync(looping) && !hasEnded(child)) await sleep(10)
      while (!hasEnded(child)) {
        child.kill('SIGINT')
        await sleep(500)
      }
    }
    const run = ['run', question, '--policy', './endless.mjs', ...bound]
    const { code, signal } = await dynts(run, {
      onStart: (child) => {
        void interrupt(child)
      },
    })
    expect({ code, signal }).toEqual({ code: null, signal: 'SIGINT' })
  })

  test.each([
    [['--policy', 'h2o', '--kv-type', 'q8_0'], /h2o reads attention weights, .*use --kv-type f16/],
    [
      ['--policy', 'full', '--compare', 'tova', '--flash-attention', 'on'],
      /tova reads attention weights, .*--flash-attention/,
    ],
    [['--policy', './none.ts'], /There is no policy file \.\/none\.ts/],
    [['--policy', 'h2o', '--policy-option', 'a=1'], /--policy-option is for a policy of your own/],
    [['--policy', './mine.ts', '--policy-option', 'share'], /--policy-option must be name=value.*, not share/],
    [['--policy', './broken.ts'], /broken\.ts: create: it must be a function/],
    [
      ['--policy', './mine.ts', '--policy-option', 'other=1'],
      /Policy mine has no option --other; its options: --share, --fails/,
    ],
    [['--policy', './mine.ts', '--kv-type', 'q8_0'], /mine reads attention weights, which a q8_0 cache does not allow/],
    [['--policy', 'snapkv', '--observation-window', '0'], /--observation-window: must be a whole number, 1 or more/],
    [['--policy', 'snapkv', '--r-kv-pool', '3'], /--r-kv-pool is an option of r-kv only/],
  ])('%j is refused before anything is loaded', async (options, says) => {
    expect(refusal(await dynts(['run', question, ...options]))).toMatch(says)
  })
})
