import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noLock } from '../../../test/support/no-lock.ts'
import { findPreset, gridOf } from '../presets/presets.ts'
import { findTask } from '../tasks/registry.ts'
import { recordsPath, writePlan } from './eval-folder.ts'
import type { EvalPlan } from './eval-plan.ts'
import type { PlannedPoint } from './make-plan.ts'
import { fakePlan, jobsOf, point, replayRecord, sampleRecord } from './records.fake.ts'
import { summarise, type EvalSummary } from './summarise.ts'
import { summaryText } from './summary-tables.ts'

const root = mkdtempSync(join(tmpdir(), 'dynts-grid-'))
afterAll(() => rmSync(root, { recursive: true }))
const grader = { grade: (a: string, b: string) => Promise.resolve({ right: a === b }) }

/** `dynts` is right everywhere but at the ratio 0.2, everything else at the first item only; replays as in the fourth digit. */
async function summaryOf(plan: EvalPlan) {
  const folder = mkdtempSync(join(root, 'run-'))
  writePlan(folder, plan, noLock)
  const records = jobsOf(plan).map((job) => {
    const right = job.policy === 'full' || job.item === 'q0' || (job.policy === 'dynts' && job.settings.ratio !== 0.2)
    return job.kind === 'sample' ? sampleRecord(job, right) : replayRecord(job, job.policy === 'dynts' ? 0.1 : 0.2)
  })
  writeFileSync(recordsPath(folder), records.map((record) => `${JSON.stringify(record)}\n`).join(''))
  return await summarise(folder, { allowMissing: false, grader })
}
const planned = (points: readonly PlannedPoint[], metrics: ('pass' | 'replay-loss')[] = ['pass']) =>
  fakePlan({ points, items: 5, metrics })
const lines = (text: string) => text.split('\n')
const cells = (line: string) =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())

describe('the preset window-ratio', () => {
  const points = gridOf(findPreset('window-ratio'), findTask('chain'), 'tiny').map((one) => ({
    ...point(one.policy),
    ...one,
  }))

  let summary: EvalSummary
  beforeAll(async () => {
    summary = await summaryOf(planned(points, ['pass', 'replay-loss']))
  })

  test('prints a matrix for each policy, the differences to dynts, and no row for each of its points', () => {
    expect(summary.tasks[0]!.configurations).toHaveLength(81)
    const text = lines(summaryText(summary))
    expect(text.length).toBeLessThan(120)
    const at = text.findIndex((line) => line.startsWith('| `dynts`, B 256: Pass@1, W_l by ratio'))
    expect(cells(text[at]!).slice(1)).toEqual(['0.2', '0.4', '0.5', '0.6', '0.8'])
    const rows = text.slice(at + 2, at + 6).map(cells)
    expect(rows.map(([window]) => window)).toEqual(['16', '32', '48', '64'])
    expect(rows[0]!.slice(1)).toEqual(['20.0 %', ...Array<string>(4).fill('100.0 %')])
    const differences = text.findIndex((line) => line.startsWith('| `window`, B 256: to `dynts`, points, W_l by ratio'))
    expect(cells(text[differences + 2]!).slice(1)).toEqual(['0.0', ...Array<string>(4).fill('-80.0 *')])
    expect(text.some((line) => line.startsWith('| `dynts`, B 256: to `dynts`'))).toBe(false)
    expect(text.filter((line) => line.startsWith('| `full`'))).toHaveLength(3)
    expect(text.filter((line) => line.startsWith('| `dynts` '))).toEqual([])
    expect(summaryText(summary)).toMatch(/^95 % intervals of Pass@1 end at most \d+\.\d points/m)
    expect(summaryText(summary)).toMatch(/^The rows of the other 80 configurations, .*--all/m)
  })

  test('prints them where that is wanted, and then no more than for any grid', () => {
    const text = summaryText(summary, { all: true })
    expect(lines(text).filter((line) => line.startsWith('| `dynts` '))).toHaveLength(60)
    expect(text).not.toMatch(/other 80 configurations|to `dynts`, points, W_l/)
  })

  test('has matrices of the replay loss', () => {
    const text = lines(summaryText(summary))
    const at = text.findIndex((line) => line.startsWith('| `window`, B 256: replay loss, W_l by ratio'))
    expect(cells(text[at + 2]!)).toEqual(['16', ...Array<string>(5).fill('0.2000')])
    const differences = text.findIndex((line) => line.startsWith('| `window`, B 256: replay loss to `dynts`'))
    expect(cells(text[differences + 2]!)).toEqual(['16', ...Array<string>(5).fill('+0.1000 *')])
  })
})

describe('other grids', () => {
  const tablesOf = async (points: readonly PlannedPoint[]) =>
    lines(summaryText(await summaryOf(planned(points)))).filter((line) => / by (?:B|W_l|ratio) /.test(line))

  test('of one setting are one matrix, whichever it is', async () => {
    expect(await tablesOf([256, 320].map((budget) => point('dynts', { budget })))).toEqual([
      expect.stringMatching(/^\| Pass@1 by B \| +256 \| +320 \|$/),
    ])
    expect(await tablesOf([0.2, 0.5].map((ratio) => point('dynts', { ratio })))).toEqual([
      expect.stringMatching(/^\| Pass@1 by ratio \| +0\.2 \| +0\.5 \|$/),
    ])
  })

  test('of two and three are one for each policy, and for each value of the third', async () => {
    const two = [256, 320].flatMap((budget) => [0.2, 0.5].map((ratio) => point('dynts', { budget, ratio })))
    expect(await tablesOf(two)).toEqual([
      expect.stringMatching(/^\| `dynts`, W_l 32: Pass@1, B by ratio \| +0\.2 \| +0\.5 \|$/),
    ])
    const three = two.flatMap((one) => [16, 32].map((localWindow) => ({ ...one, localWindow })))
    expect(await tablesOf(three)).toEqual([
      expect.stringMatching(/^\| `dynts`, B 256: Pass@1, W_l by ratio/),
      expect.stringMatching(/^\| `dynts`, B 320: Pass@1, W_l by ratio/),
    ])
  })

  test('none where nothing varies', async () => {
    expect(await tablesOf([point('dynts'), point('window')])).toEqual([])
  })
})
