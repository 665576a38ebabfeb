/**
 * `dynts fit`: from questions to a predictor, killed in each of its steps, and what it refuses before the first.
 */
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { readCheckpoint } from '../../src/predictor/index.ts'
import { readRecords } from '../../src/records/read-records.ts'
import { traceRecords } from '../../src/traces/trace-record.ts'
import { tinyPredictor } from '../oracle.ts'
import { dynts, refusal, scratch, type RunSettings } from './run-dynts.ts'

/** Whole runs, several in a test, on a machine that may be busy. */
vi.setConfig({ testTimeout: 240_000 })
const timeoutMs = 120_000
const at = (name: string) => join(scratch, name)
const problems = Array.from({ length: 16 }, (_, i) => ({ id: `p${i}`, ...generateChainProblem(i, { people: 3 }) }))
writeFileSync(at('short.jsonl'), problems.map((problem) => `${JSON.stringify(problem)}\n`).join(''))
const settings = ['--samples', '1', '--parallel', '1', '--max-tokens', '400', '--min-traces', '10', '--epochs', '2']
const training = ['--least-steps', '24', '--learning-rate', '0.002', '--checkpoint-steps', '3', '--threads', '1']
const fit = (args: readonly string[], run: RunSettings = {}) =>
  dynts(
    ['fit', '-m', 'tiny', '--offline', '--gpu', 'off', '--questions', 'short.jsonl', ...settings, ...training, ...args],
    { timeoutMs, ...run },
  )
const tracesOf = (work: string) => [...readRecords(at(`${work}/traces.jsonl`), traceRecords)]
interface FitRecord {
  readonly recommended: Readonly<Record<'budget' | 'localWindow' | 'ratio' | 'evictEvery', number | undefined>>
  readonly heldOut: {
    readonly summary: { readonly tasks: readonly { readonly configurations: readonly Replayed[] }[] }
  }
}
interface Replayed extends Readonly<Record<'budget' | 'localWindow' | 'ratio' | 'evictEvery', number | null>> {
  readonly policy: string
  readonly policyOptions: { readonly diversity?: number }
}
const linesOf = (path: string) => (existsSync(at(path)) ? readFileSync(at(path), 'utf8').split('\n').length - 1 : 0)

/** Kills within `laterMs` after `isReached`. */
const killWhen = (isReached: () => boolean, laterMs: number): RunSettings => ({
  onStart: (child) =>
    void (async () => {
      while (!isReached() && child.exitCode === null) await sleep(5)
      await sleep(Math.random() * laterMs)
      child.kill('SIGKILL')
    })(),
})

test('killed in each step and run again, it gives the predictor of an unbroken run', { timeout: 600_000 }, async () => {
  const unbroken = await fit(['--output', 'unbroken.gguf', '--work', 'unbroken', '--json'])
  expect({ code: unbroken.code, stderr: unbroken.stderr }).toMatchObject({ code: 0 })
  const expected = readFileSync(at('unbroken.gguf'))
  expect((await readCheckpoint(at('unbroken.gguf'))).heldOut?.traces).toBe(2)
  const kept = tracesOf('unbroken').filter(({ outcome }) => outcome === 'kept').length
  expect(JSON.parse(unbroken.stdout)).toMatchObject({
    schema: 'dynts.fit/1',
    predictor: 'unbroken.gguf',
    work: 'unbroken',
    trace: { schema: 'dynts.trace.summary/1', sampled: 16, kept },
    importance: { schema: 'dynts.importance.summary/1', traces: kept },
    train: { schema: 'dynts.training/1', predictor: 'unbroken/model.predictor.gguf' },
    heldOut: { schema: 'dynts.eval.run/1', failedNow: 0 },
    recommended: { policy: expect.stringMatching(/^dynts/) as unknown, budget: expect.any(Number) as unknown },
    seed: 0,
  })
  const { heldOut, recommended } = JSON.parse(unbroken.stdout) as FitRecord
  const replayed = heldOut.summary.tasks.flatMap(({ configurations }) => configurations)
  const there = replayed.filter(
    ({ budget, localWindow, ratio, evictEvery }) =>
      budget === recommended.budget &&
      localWindow === recommended.localWindow &&
      ratio === (recommended.ratio ?? null) &&
      evictEvery === (recommended.evictEvery ?? null),
  )
  expect(new Set(there.map(({ policy }) => policy))).toEqual(
    new Set(['question-window', 'random', 'keydiff', 'dynts', 'dynts-diverse']),
  )
  // So few traces tell nothing apart, so the usual policy and weight stand.
  expect(recommended).toMatchObject({ policy: 'dynts-diverse', diversity: 0.3 })
  const weights = there.flatMap(({ policyOptions: { diversity } }) => diversity ?? [])
  expect(weights.sort()).toEqual([0.1, 0.3, 1])

  const args = ['--output', 'broken.gguf', '--work', 'broken']
  const moments: [() => boolean, number][] = [
    [() => linesOf('broken/traces.jsonl') >= 4, 100],
    [() => linesOf('broken/importance/importance.jsonl') >= 4, 20],
    [() => existsSync(at('broken/model.training/state.gguf')), 100],
    [() => linesOf('broken/held-out/records.jsonl') >= 3, 100],
  ]
  let isFinished = false
  for (const [isReached, laterMs] of moments) {
    const { signal, code } = await fit(args, killWhen(isReached, laterMs))
    // On a busy machine it may have come to its end before.
    isFinished ||= signal !== 'SIGKILL'
    expect(code).toBe(signal === 'SIGKILL' ? null : 0)
    // It is there as soon as it is trained.
    expect(existsSync(at('broken.gguf'))).toBe(isFinished || existsSync(at('broken/held-out')))
  }
  const last = await fit(args)
  expect({ code: last.code, stderr: last.stderr }).toMatchObject({ code: 0 })
  expect(last.stderr).toMatch(/^16 of 16 samples are in \S+ already$/m)
  expect(last.stderr).toMatch(/^The predictor is broken\.gguf\.$/m)
  expect(readFileSync(at('broken.gguf')).equals(expected)).toBe(true)
  const strip = (work: string) => tracesOf(work).map((record) => ({ ...record, at: '' }))
  expect(strip('broken')).toEqual(strip('unbroken'))
  for (const name of readdirSync(at('unbroken/importance')))
    expect(readFileSync(at(`broken/importance/${name}`)).equals(readFileSync(at(`unbroken/importance/${name}`)))).toBe(
      true,
    )

  // Other options of the training alone: it begins anew on the same traces, and nothing is lost.
  const anew = await fit([...args, '--epochs', '1'])
  expect({ code: anew.code, stderr: anew.stderr }).toMatchObject({ code: 0 })
  expect(anew.stderr).toMatch(/^The traces or the options of the training are not those of last time: it begins anew/m)
  expect(readFileSync(at('broken.gguf')).equals(expected)).toBe(false)
  const aside = readdirSync(at('broken')).find((name) => name.startsWith('recommending.predictor.gguf.until-'))
  expect(readFileSync(at(`broken/${aside}`)).equals(expected)).toBe(true)
  const other = await fit([...args, '-t', '0.5'])
  expect(other).toMatchObject({ code: 2, stdout: '' })
  expect(other.stderr).toMatch(/^dynts: \S+ cannot be continued: .*temperature 0\.6, not 0\.5\. .*another --work/m)

  // The table is of one set of traces.
  const fewer = await fit(['--output', 'unbroken.gguf', '--work', 'unbroken', '--replay-traces', '1'])
  expect({ code: fewer.code, stderr: fewer.stderr }).toMatchObject({ code: 0 })
  const records = readFileSync(at('unbroken/held-out/records.jsonl'), 'utf8').trimEnd().split('\n')
  expect(new Set(records.map((line) => (JSON.parse(line) as { item: string }).item)).size).toBe(1)
  expect(readdirSync(at('unbroken')).some((name) => name.startsWith('held-out.until-'))).toBe(true)
})

test('too few traces are told before their importance is measured', async () => {
  const { code, stderr } = await fit(['--limit', '3', '--output', 'few.gguf', '--work', 'few'])
  expect(code).toBe(2)
  expect(stderr).toMatch(/^dynts: There are \d traces of \d questions, but a predictor needs at least 10 traces of 5/m)
  expect(existsSync(at('few/importance'))).toBe(false)
})

describe.concurrent('what is wrong with any step’s options is told before the first', () => {
  copyFileSync(tinyPredictor, at('theirs.gguf'))

  test.each([
    [['--tokens-per-trace', '0'], /--tokens-per-trace must be/],
    [['--ratio', '7'], /--ratio must be/],
    [['--output', 'theirs.gguf'], /There is a predictor at theirs\.gguf already\. Use --force/],
  ] as const)('%j', async (args, message) => {
    expect(refusal(await fit(['--output', 'none.gguf', '--work', 'none', ...args]))).toMatch(message)
    expect(existsSync(at('none'))).toBe(false)
  })
})
