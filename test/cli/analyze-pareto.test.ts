/**
 * `dynts analyze pareto`: answers of the embedded model from parts of its own thinking.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { paretoRecords, type ParetoRecord } from '../../src/analysis/pareto/pareto-record.ts'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { readRecords } from '../../src/records/read-records.ts'
import { writeImportanceFolder } from '../support/importance-folder.ts'
import { traceRecords, type KeptTrace } from '../../src/traces/trace-record.ts'
import { dynts, refusal, scratch, type RunSettings } from './run-dynts.ts'

/** Whole runs, several in a test, on a machine that may be busy. */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })
const at = (name: string) => join(scratch, name)
const tiny = ['--model', 'tiny', '--offline']
const machine = ['--threads', '1', '--gpu', 'off']
const common = ['--traces', 'traces.jsonl', ...tiny, ...machine, '--parallel', '1', '--max-tokens', '200']
const pareto = (args: readonly string[], run: RunSettings = {}) =>
  dynts(['analyze', 'pareto', 'importance', ...common, ...args], { timeoutMs: 200_000, ...run })
const recordsOf = (name: string): ParetoRecord[] => [...readRecords(at(name), paretoRecords)]
/** The process sends itself SIGINT while it writes a record, from 1. */
const interruptAt = (record: number) => ({
  NODE_OPTIONS: `--import ${new URL('../support/signal-at-record.js', import.meta.url).href}`,
  ...{ SIGNAL: 'SIGINT', SIGNAL_AT: String(record) },
})
/** Without what differs from run to run. */
const plain = (records: readonly ParetoRecord[]) => records.map((record) => ({ ...record, at: '' }))
const small = ['--percent', '40,100', '--keep', 'top,newest']

let traces: readonly KeptTrace[]

beforeAll(async () => {
  const problems = [0, 1, 2].map((i) => ({ id: `p${i}`, ...generateChainProblem(i, { people: 3 }) }))
  writeFileSync(at('problems.jsonl'), problems.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const sampling = ['--samples', '1', '--parallel', '1', '--max-tokens', '400', '--temperature', '0']
  const { code } = await dynts([
    'trace',
    ...tiny,
    ...machine,
    ...['--task', 'chain', '--file', 'problems.jsonl'],
    ...sampling,
    '-o',
    'traces.jsonl',
  ])
  expect(code).toBe(0)
  const all = [...readRecords(at('traces.jsonl'), traceRecords)]
  traces = all.filter((record): record is KeptTrace => record.outcome === 'kept')
  expect(traces.length).toBeGreaterThan(1)
  expect(
    await dynts(['importance', ...tiny, ...machine, '--traces', 'traces.jsonl', '-o', 'importance']),
  ).toMatchObject({ code: 0 })
})

describe('answers from parts of the thinking', () => {
  test('at 100 % those to all of it, in both readings; what is kept is counted', async () => {
    const { code, stdout } = await pareto([...small, '-o', 'whole.jsonl', '--csv', 'whole.csv', '--json'])
    expect(code).toBe(0)
    const records = recordsOf('whole.jsonl')
    expect(records).toHaveLength(traces.length * (1 + 2 * (1 + 2 * 2)))
    for (const { id, thinkingTokens } of traces) {
      const ofTrace = records.filter(({ trace }) => trace === id)
      const texts = (percent: number) =>
        new Set(ofTrace.filter((record) => record.percent === percent).map(({ text }) => text))
      expect(texts(100).size).toBe(1)
      expect([...texts(0)]).not.toContain([...texts(100)][0])
      const kept = ofTrace.filter(({ percent }) => percent === 40).map(({ keptTokens }) => keptTokens)
      expect(new Set(kept)).toEqual(new Set([Math.floor(0.4 * thinkingTokens)]))
    }
    const full = records.filter(({ selection }) => selection === 'full')
    expect(full.every(({ right, reading, truncated }) => right && reading === null && !truncated)).toBe(true)
    expect(new Set(records.map(({ task, grading, graded }) => `${task} ${grading} ${graded}`))).toContain(
      'chain chain exact',
    )
    const summary = JSON.parse(stdout) as {
      points: { selection: string; percent: number; accuracy: { mean: number } }[]
    }
    expect(summary).toMatchObject({
      ...{ schema: 'dynts.analyze.pareto/1', traces: traces.length, questions: traces.length, samples: 1 },
      ...{ answered: records.length, total: records.length },
    })
    expect(summary.points.filter(({ percent }) => percent === 100).map(({ accuracy }) => accuracy.mean)).toEqual([
      1, 1, 1, 1, 1,
    ])
    expect(readFileSync(at('whole.csv'), 'utf8').trim().split('\n')).toHaveLength(1 + summary.points.length)
  })

  test('a run that was interrupted goes on to the same, and one that has ended loads nothing', async () => {
    const stopped = await pareto([...small, '-o', 'parts.records.jsonl'], { env: interruptAt(3) })
    const before = recordsOf('parts.records.jsonl').length
    expect(before).toBeLessThan(recordsOf('whole.jsonl').length)
    expect(stopped.stderr).toMatch(/Interrupted\. The same command goes on from there\./)
    expect(stopped.code).toBe(130)
    const { code, stderr } = await pareto([...small, '-o', 'parts.records.jsonl'])
    expect(code).toBe(0)
    expect(stderr).toContain(
      `${before} of ${recordsOf('whole.jsonl').length} answers are in parts.records.jsonl already`,
    )
    expect(plain(recordsOf('parts.records.jsonl'))).toEqual(plain(recordsOf('whole.jsonl')))
    const again = await pareto([...small, '-o', 'parts.records.jsonl'])
    expect(again.stdout).toMatch(/^40 % /m)
    expect(again.stderr).not.toMatch(/tokens\/s/)
  })

  test('it goes on with further parts, and is drawn', async () => {
    const more = await pareto(['--percent', '40', '--keep', 'predicted', '--reading', 'cells', '-o', 'whole.jsonl'])
    expect(more.code).toBe(0)
    // Only what was asked for is shown: all of the thinking, nothing of it and the new part.
    expect(more.stdout).toMatch(/^kept +predicted$/m)
    expect(recordsOf('whole.jsonl')).toHaveLength(traces.length * 12)
    expect(more.stderr).toContain(`It also has ${traces.length * 9} answers of other runs`)
    const { stdout } = await dynts(['report', 'whole.jsonl', '--figure', 'pareto', '--json'])
    const { pictures } = JSON.parse(stdout) as { pictures: { rows: { reading: string; kept: string }[] }[] }
    expect(pictures[0]?.rows.filter(({ kept }) => kept === 'predicted')).toMatchObject([{ reading: 'cells' }])
  })

  test('refuses what another importance, seed or setting made', async () => {
    const refused = async (...args: string[]) => refusal(await pareto([...small, '-o', 'whole.jsonl', ...args]))
    expect(await refused('--seed', '1')).toMatch(/whole\.jsonl cannot be continued: it was made with seed 0, not 1/)
    expect(await refused('--top-k', '3')).toMatch(/it was made with top-k 20, not 3/)
    const measured = traces.map((trace) => ({
      trace,
      importance: Array.from({ length: trace.thinkingTokens }, (_, i) => i),
    }))
    writeImportanceFolder(at('another'), measured)
    const other = await dynts(['analyze', 'pareto', 'another', ...common, ...small, '-o', 'whole.jsonl'])
    expect(refusal(other)).toMatch(/another trace p\d#0, importance or predictor/)
  })

  test('refuses bad input', async () => {
    const refused = async (...args: string[]) => refusal(await pareto(args))
    expect(await refused('--percent', '0')).toMatch(/--percent must be above 0 and at most 100, not 0/)
    expect(await refused('--keep', 'best')).toMatch(/It may name top, bottom, random, newest, predicted/)
    expect(await refused('--keep', 'predicted', '--predictor', 'none')).toMatch(/needs an importance predictor/)
    expect(await refused('--samples', '0')).toMatch(/--samples must be/)
    expect(await refused('--traces', 'none.jsonl')).toMatch(/none\.jsonl/)
  })
})
