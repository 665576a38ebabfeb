/**
 * `dynts analyze kept`: cells of one trace of the embedded model, beside what follows from the windows alone.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { readRecords } from '../../src/records/read-records.ts'
import { traceRecords } from '../../src/traces/trace-record.ts'
import { tinyPredictor } from '../oracle.ts'
import { dynts, refusal, scratch } from './run-dynts.ts'

/** Whole runs, on a machine that may be busy. */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })
const at = (name: string) => join(scratch, name)
const tiny = ['--model', 'tiny', '--offline', '--threads', '1', '--gpu', 'off']
const kept = (args: readonly string[]) =>
  dynts(['analyze', 'kept', 'traces.jsonl', ...tiny, ...args], { timeoutMs: 200_000 })

interface Kept {
  readonly settings: object
  readonly trace: { readonly id: string; readonly promptTokens: number; readonly tokens: number }
  readonly policies: readonly {
    readonly title: string
    readonly evictions: number
    readonly readAtLast: number | null
    readonly kept: readonly (readonly [number, number])[]
  }[]
}

beforeAll(async () => {
  const problems = [0, 1].map((i) => ({ id: `p${i}`, ...generateChainProblem(i, { people: 3 }) }))
  writeFileSync(at('problems.jsonl'), problems.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const sampling = ['--samples', '1', '--max-tokens', '400', '--temperature', '0']
  const args = ['trace', ...tiny, '--questions', 'problems.jsonl', ...sampling, '-o', 'traces.jsonl']
  expect(await dynts(args)).toMatchObject({ code: 0 })
})

test('what leaves under policies without scores follows from the windows', async () => {
  const settings = ['--budget', '128', '--local-window', '16', '--ratio', '0.5']
  const { code, stdout } = await kept([
    ...settings,
    '--policy',
    'full,question-window,window,dynts,h2o+question',
    ...['-o', 'kept.json', '--json'],
  ])
  expect(code).toBe(0)
  const { trace, policies } = JSON.parse(stdout) as Kept
  expect(JSON.parse(readFileSync(at('kept.json'), 'utf8'))).toEqual(JSON.parse(stdout))

  const longest = Math.max(
    ...Array.from(readRecords(at('traces.jsonl'), traceRecords), (one) =>
      one.outcome === 'kept' ? one.tokens.length : 0,
    ),
  )
  expect(trace.tokens).toBe(longest)
  expect(longest).toBeGreaterThan(128)

  const [B, M, Wl, r] = [128, trace.promptTokens, 16, 0.5]
  // The last token is generated and not read.
  const candidates = B - M - Wl
  const leaving = candidates - Math.min(Math.floor(r * candidates), candidates - 1)
  const evictions = Math.floor((trace.tokens - 1 - B) / leaving) + 1
  const readAtLast = B + (evictions - 1) * leaving
  const [full, questionWindow, window, byScore, h2o] = policies
  expect(full).toMatchObject({ title: 'full', evictions: 0, readAtLast: null, kept: [[0, trace.tokens]] })
  const newest = B - leaving - M
  expect(questionWindow).toMatchObject({ title: 'question-window', evictions, readAtLast })
  expect(questionWindow?.kept).toEqual([
    [0, M],
    [readAtLast - newest, readAtLast],
  ])
  // As many leave, but the question first.
  expect(window).toMatchObject({ evictions, readAtLast, kept: [[readAtLast - (B - leaving), readAtLast]] })
  for (const one of [byScore, h2o]) {
    expect(one).toMatchObject({ evictions, readAtLast })
    expect(one?.kept[0]?.[0]).toBe(0)
    expect(one?.kept[0]?.[1]).toBeGreaterThanOrEqual(M)
    expect(one?.kept.reduce((sum, [from, to]) => sum + to - from, 0)).toBe(B - leaving)
    expect(one?.kept.at(-1)?.[1]).toBe(readAtLast)
  }

  const report = await dynts(['report', 'kept.json', '--json', '-o', 'kept.html'])
  expect(JSON.parse(report.stdout)).toMatchObject({ pictures: [{ id: 'kept-cells-dynts-tiny-reasoner' }] })
})

test('as a table', async () => {
  const { stdout } = await kept(['--budget', '128', '--policy', 'window,question-window', '--trace', 'p0#0'])
  expect(stdout).toContain('trace p0#0')
  expect(stdout).toMatch(/^question-window +\d+ +\d+ .* 100 % /m)
  expect(stdout).toMatch(/^window +\d+ +\d+ .* 0 % /m)
})

test('refuses bad input in one line', async () => {
  expect(refusal(await kept(['--trace', 'nobody']))).toMatch(/holds no trace nobody/)
  expect(refusal(await kept(['--policy', 'full', '--budget', '64']))).toMatch(/--budget has no effect/)
  expect(refusal(await kept(['--policy', 'full', '--predictor', tinyPredictor]))).toMatch(/--predictor has no effect/)
  expect(refusal(await kept(['--policy', 'h20']))).toMatch(/h2o/)
  expect(refusal(await kept(['--predictor', 'none', '--policy', 'dynts']))).toMatch(/predictor/)
})
