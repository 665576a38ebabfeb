import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { noLock } from '../../../test/support/no-lock.ts'
import { recordsPath, writePlan } from './eval-folder.ts'
import type { PlannedJob } from './eval-job.ts'
import { evalPlan, extendPlan, type EvalPlan } from './eval-plan.ts'
import type { EvalRecord } from './eval-record.ts'
import { fakePlan, jobsOf, point, replayRecord, sampleRecord } from './records.fake.ts'
import { configurationName, summarise } from './summarise.ts'
import { summaryCsv } from './summary-csv.ts'
import { summaryText } from './summary-tables.ts'

const root = mkdtempSync(join(tmpdir(), 'dynts-summary-'))
afterAll(() => rmSync(root, { recursive: true }))
const grader = { grade: (a: string, b: string) => Promise.resolve({ right: a === b }) }

let folders = 0
function folderOf(plan: EvalPlan, records: readonly EvalRecord[]): string {
  const folder = join(root, `${++folders}`)
  mkdirSync(folder)
  writePlan(folder, plan, noLock)
  writeFileSync(recordsPath(folder), records.map((record) => `${JSON.stringify(record)}\n`).join(''))
  return folder
}
const summaryOf = (plan: EvalPlan, records: readonly EvalRecord[], options = {}) =>
  summarise(folderOf(plan, records), { allowMissing: false, grader, ...options })

/** `window` is wrong at the first item, everything else right. */
const plan = fakePlan({ items: 4 })
const records = jobsOf(plan).map((job) => sampleRecord(job, !(job.policy === 'window' && job.item === 'q0')))

describe('a summary', () => {
  test('has accuracy, the paired difference to dynts, costs and speed of each policy', async () => {
    const { tasks, missing } = await summaryOf(plan, records)
    expect(missing).toBe(0)
    const [full, dynts, window] = tasks[0]!.configurations
    expect(full!.sampling).toMatchObject({ pass1: { mean: 1, items: 4 }, toDynts: { mean: 0 } })
    expect(dynts!.sampling).toMatchObject({ samples: 4, toDynts: null, evictions: 1, refused: 0 })
    expect(window!.sampling).toMatchObject({ pass1: { mean: 0.75 }, toDynts: { mean: -0.25, items: 4 } })
    // 25 tokens in 100 ms of the whole batch's time; by the authors 25 in 50 ms, twice.
    expect(window!.sampling!.speed).toMatchObject({ wall: 250, authors: 1000 })
    expect(window!.sampling!.costs).toMatchObject({ thinkingTokens: { mean: 20 }, highestCells: 30 })
  })

  test('has the time of an eviction, where records have it', async () => {
    const { tasks } = await summaryOf(plan, records)
    expect(tasks[0]!.configurations[1]!.sampling!.msPerEviction).toBe(12)
    expect(summaryText(await summaryOf(plan, records))).toMatch(/\| ms per eviction \|/)
    expect(summaryCsv(await summaryOf(plan, records))).toMatch(/,ms_per_eviction,/)
    const older = records.map((record) => ({ ...record, evictionMs: undefined }))
    const summary = await summaryOf(plan, older)
    expect(summary.tasks[0]!.configurations[1]!.sampling!.msPerEviction).toBeNull()
    expect(summaryText(summary)).not.toMatch(/ms per eviction/)
  })

  test('is refused where samples are missing, unless that is allowed', async () => {
    const some = records.filter(({ policy, item }) => !(policy === 'dynts' && item !== 'q0'))
    await expect(summaryOf(plan, some)).rejects.toThrow(/lacks 3 of the planned samples \(chain dynts B 320 .*: 3\)/)
    const summary = await summaryOf(plan, some, { allowMissing: true })
    expect(summary.missing).toBe(3)
    // Paired over the one item that both have.
    expect(summary.tasks[0]!.configurations[2]!.sampling!.toDynts).toMatchObject({ mean: -1, items: 1 })
    expect(summaryText(summary)).toMatch(/^3 of 12 planned samples are missing\.$/m)
    await expect(summaryOf(plan, [])).rejects.toThrow(/no records yet/)
  })

  test('takes the first of several records of a job', async () => {
    const others = records.map((record) => ({ ...record, right: false, answer: 'another', wallMs: 900 }) as EvalRecord)
    expect((await summaryOf(plan, [...records, ...others])).tasks).toEqual((await summaryOf(plan, records)).tasks)
  })

  test('leaves records out that the plan does not have', async () => {
    const other = jobsOf(fakePlan({ seed: 9 })).map((job) => sampleRecord(job, false))
    expect((await summaryOf(plan, [...records, ...other])).tasks).toEqual((await summaryOf(plan, records)).tasks)
  })

  test('counts a refused prompt as wrong, and leaves it out of the costs', async () => {
    const refused = records.map((record) =>
      record.policy === 'window' && record.item === 'q1' && record.kind === 'sample'
        ? { ...record, refused: 'too long', right: false, thinkingTokens: 0 }
        : record,
    )
    const summary = await summaryOf(plan, refused)
    const { sampling } = summary.tasks[0]!.configurations[2]!
    expect(sampling).toMatchObject({ pass1: { mean: 0.5 }, refused: 0.25, costs: { thinkingTokens: { mean: 20 } } })
    expect(summaryText(summary)).toMatch(/Prompts that do not fit .* window .* 25\.0 %/)
  })

  test('has Pass@k and Maj@k of several samples', async () => {
    const several = fakePlan({ items: 1, samples: 3, points: [point('full')] })
    const votes = jobsOf(several).map((job) => sampleRecord(job, job.sample > 0))
    const [row] = (await summaryOf(several, votes)).tasks[0]!.configurations
    expect(row!.sampling!.pass1.mean).toBeCloseTo(2 / 3)
    expect(row!.sampling!.atK).toMatchObject([{ k: 3, pass: { mean: 1 }, maj: { mean: 1 } }])
    const [other] = (await summaryOf(several, votes, { k: [1, 2] })).tasks[0]!.configurations
    expect(other!.sampling!.atK.map(({ pass }) => pass.mean)).toEqual([expect.closeTo(2 / 3), 1])
  })

  test('leaves Pass@k and Maj@k out where no item has k samples; asked for more than there are, it refuses', async () => {
    const several = fakePlan({ items: 2, samples: 3, points: [point('full'), point('dynts')] })
    const some = jobsOf(several)
      .filter(({ policy, sample }) => policy === 'full' || sample < 2)
      .map((job) => sampleRecord(job, true))
    const [full, dynts] = (await summaryOf(several, some, { allowMissing: true })).tasks[0]!.configurations
    expect(full!.sampling!.atK).toMatchObject([{ k: 3, pass: { items: 2 } }])
    expect(dynts!.sampling).toMatchObject({ pass1: { mean: 1 }, atK: [] })
    const asked = summaryOf(several, some, { allowMissing: true, k: [1, 4] })
    await expect(asked).rejects.toThrow(/`k: 4` needs as many samples of an item; the run has 3/)
  })

  test('gives an empty box no vote', async () => {
    const several = fakePlan({ items: 1, samples: 3, points: [point('full')] })
    const votes = jobsOf(several).map((job) =>
      sampleRecord(job, job.sample === 0, job.sample === 0 ? {} : { answer: '' }),
    )
    const [row] = (await summaryOf(several, votes)).tasks[0]!.configurations
    expect(row!.sampling!.atK).toMatchObject([{ k: 3, maj: { mean: 1 } }])
  })

  test('without dynts shows the paired difference to the full cache', async () => {
    const controls = fakePlan({ points: [point('full'), point('window')], items: 4 })
    const summary = await summaryOf(
      controls,
      jobsOf(controls).map((job) => sampleRecord(job, job.policy === 'full')),
    )
    const [full, window] = summary.tasks[0]!.configurations
    expect(full!.sampling).toMatchObject({ toFull: null, toDynts: null })
    expect(window!.sampling).toMatchObject({ toFull: { mean: -1, items: 4 }, toDynts: null })
    expect(summaryText(summary)).toMatch(/to `full`, points/)
    expect(summaryText(summary)).not.toMatch(/to `dynts`/)
  })

  test('has both differences, mean cells, loops and the thinking length to that of full side by side', async () => {
    const five = fakePlan({ items: 5 })
    const thinking: Record<string, number> = { full: 20, dynts: 30, window: 10 }
    const some = jobsOf(five).map((job) =>
      sampleRecord(job, true, { thinkingTokens: thinking[job.policy]!, looped: job.policy === 'window' }),
    )
    // Of the full cache's sample of q4 nothing is known: the ratio is over the others.
    const withoutOne = some.filter(({ policy, item }) => !(policy === 'full' && item === 'q4'))
    const summary = await summaryOf(five, withoutOne, { allowMissing: true })
    const [full, dynts] = summary.tasks[0]!.configurations
    expect(full!.sampling!.thinkingToFull).toBeNull()
    expect(dynts!.sampling!.thinkingToFull).toEqual({ mean: 1.5, interval: null, items: 4 })
    const [header = '', , ...rows] = summaryText(summary).split('\n\n')[1]!.split('\n')
    const columns = header.split('|').map((name) => name.trim())
    const cellsOf = (row: string) => {
      const cells = row.split('|').map((cell) => cell.trim())
      return Object.fromEntries(columns.map((name, i) => [name, cells[i]]))
    }
    expect(rows.map(cellsOf)).toMatchObject([
      { policy: '`full`', items: '4', '95 % interval': '-', 'to `full`, points': '', 'thinking / `full`': '' },
      { policy: '`dynts`', items: '5', 'mean cells': '20', loops: '0.0 %', 'thinking / `full`': '1.50' },
      { 'to `full`, points': '0.0', 'to `dynts`, points': '0.0 (0.0 to 0.0)', loops: '100.0 %' },
    ])
    expect(summaryCsv(summary)).toMatch(/,thinking_to_full,thinking_to_full_low,/)
  })

  test('tells a policy under additional protection from the same without', async () => {
    const points = [point('full'), point('dynts'), point('h2o'), point('h2o', { protect: ['question'] })]
    const both = fakePlan({ points: [...points, point('dynts', { protect: ['question'] })] })
    // The question that dynts protects anyway is no other configuration.
    expect(both.tasks[0]!.configurations.map(({ policy, protect }) => [policy, ...protect].join())).toEqual([
      ...['full', 'dynts', 'h2o', 'h2o,question'],
    ])
    const some = jobsOf(both).map((job) => sampleRecord(job, job.policy !== 'h2o' || job.protect.length > 0))
    const summary = await summaryOf(both, some)
    expect(summary.tasks[0]!.configurations.map(({ sampling }) => sampling!.pass1.mean)).toEqual([1, 1, 0, 1])
    expect(summary.tasks[0]!.configurations[3]).toMatchObject({
      protect: ['question'],
      sampling: { toDynts: { mean: 0 } },
    })
    expect(summaryText(summary)).toMatch(/^\| `h2o\+question` +\| +3 \| +100\.0 %/m)
    expect(summaryCsv(summary)).toMatch(/^chain,h2o,\{\},,question,320,/m)
  })

  test('says which budgets were never reached, and so decided nothing', async () => {
    const points = [
      point('full'),
      ...['dynts', 'window'].flatMap((name) => [32, 64].map((localWindow) => point(name, { localWindow }))),
    ]
    const plan = fakePlan({ points })
    const summary = await summaryOf(
      plan,
      jobsOf(plan).map((job) => {
        const reaches = job.policy === 'dynts' && job.settings.localWindow === 64 && job.item === 'q1'
        return sampleRecord(job, true, { evictions: reaches ? 1 : 0 })
      }),
    )
    expect(summaryText(summary)).toMatch(
      /^B 320 was never reached under dynts B 320 W_l 32 ratio 0\.5, window: these policies did nothing there\.$/m,
    )
    const reached = await summaryOf(
      plan,
      jobsOf(plan).map((job) => sampleRecord(job, true)),
    )
    expect(summaryText(reached)).not.toMatch(/never reached/)
  })

  test('names the file of a policy by its hash, also where there is one only', async () => {
    const mine = fakePlan({ points: [point('mine', { policyHash: 'abcdef0123', policyOptions: { alpha: 0.5 } })] })
    const summary = await summaryOf(
      mine,
      jobsOf(mine).map((job) => sampleRecord(job, true)),
    )
    expect(summaryText(summary)).toMatch(/^\| `mine` alpha=0\.5 abcdef0 \|/m)
    expect(summaryCsv(summary)).toMatch(/^chain,mine,"\{""alpha"":0\.5\}",abcdef0123,,320,/m)
  })

  test('gives a sample that was cut off no vote', async () => {
    const several = fakePlan({ items: 1, samples: 3, points: [point('full')] })
    const votes = jobsOf(several).map((job) => {
      return sampleRecord(job, job.sample === 0, job.sample === 0 ? {} : { answer: job.expected, truncated: true })
    })
    const [row] = (await summaryOf(several, votes)).tasks[0]!.configurations
    expect(row!.sampling!.atK).toMatchObject([{ k: 3, maj: { mean: 1 } }])
  })

  test('counts votes for a choice by their letters', async () => {
    const several = fakePlan({ items: 1, samples: 5, points: [point('full')] })
    const task = several.tasks[0]!
    const item = { ...task.items[0]!, grading: 'choice' as const, expected: 'B' }
    const choices: EvalPlan = { ...several, tasks: [{ ...task, items: [item] }] }
    const answers = ['A', 'A', 'B', '(b)', '\\text{B}']
    const votes = jobsOf(choices).map((job) => sampleRecord(job, job.sample > 1, { answer: answers[job.sample]! }))
    const [row] = (await summaryOf(choices, votes)).tasks[0]!.configurations
    expect(row!.sampling!.atK).toMatchObject([{ k: 5, maj: { mean: 1 } }])
  })

  test('keeps columns and rows apart where configurations differ in samples or options', async () => {
    const one = fakePlan({ items: 1, points: [point('dynts', { policyOptions: {} })] })
    const points = [2, 4].map((sinks) => point('streaming-llm', { policyOptions: { sinks } }))
    const both = extendPlan(one, fakePlan({ items: 1, samples: 3, points }), 'here')
    const text = summaryText(
      await summaryOf(
        both,
        jobsOf(both).map((job) => sampleRecord(job, true)),
      ),
    )
    const [header = '', , first = '', second = '', third = ''] = text.split('\n\n')[1]!.split('\n')
    const cellOf = (line: string) => line.split('|')[header.split('|').findIndex((name) => name.trim() === 'Maj@3')]
    expect([first, second, third].map(cellOf).map((cell) => cell?.trim())).toEqual([
      '',
      ...Array<string>(2).fill('100.0 %'),
    ])
    expect([second, third].map((line) => line.split('|')[1]!.trim())).toEqual([
      '`streaming-llm` sinks=2',
      '`streaming-llm` sinks=4',
    ])
  })

  test('has the replay loss, of right and complete traces only', async () => {
    const replays = fakePlan({ metrics: ['pass', 'replay-loss'] })
    const jobs = jobsOf(replays)
    const losses: Record<string, number> = { full: 0.1, dynts: 0.2, window: 0.5 }
    // The full cache answers q0 wrongly: its trace is not replayed.
    const all = jobs
      .filter(({ kind, item }) => kind === 'sample' || item !== 'q0')
      .map((job) =>
        job.kind === 'sample'
          ? sampleRecord(job, !(job.policy === 'full' && job.item === 'q0'))
          : replayRecord(job, losses[job.policy]!),
      )
    const [full, dynts, window] = (await summaryOf(replays, all)).tasks[0]!.configurations
    expect(full!.replay).toMatchObject({ traces: 2, loss: { mean: 0.1 }, toFull: null })
    expect(dynts!.replay!.toFull!.mean).toBeCloseTo(0.1)
    expect(window!.replay!.toDynts!.mean).toBeCloseTo(0.3)
    const withoutOne = all.filter((record) => !(record.kind === 'replay' && record.policy === 'window'))
    await expect(summaryOf(replays, withoutOne)).rejects.toThrow(/lacks 2 .*window/)
  })

  test('of a grid compares at the same settings, and shows a matrix', async () => {
    const points = [256, 320].flatMap((budget) => [point('dynts', { budget }), point('window', { budget })])
    const grid = fakePlan({ points: [point('full'), ...points], items: 2 })
    const summary = await summaryOf(
      grid,
      jobsOf(grid).map((job) => sampleRecord(job, job.settings.budget !== 256)),
    )
    const { configurations } = summary.tasks[0]!
    expect(configurations.map(({ sampling }) => sampling!.toDynts?.mean)).toEqual([
      undefined,
      undefined,
      0,
      undefined,
      0,
    ])
    expect(summaryText(summary)).toContain('| `window`    | 0.0 % | 100.0 % |')
  })

  test('of cells that leave at each eviction instead of a ratio', async () => {
    const shares = [{ ratio: 0.5 }, { ratio: null, evictEvery: 9 }, { ratio: null, evictEvery: 30 }]
    const points = shares.flatMap((share) => [point('dynts', share), point('window', share)])
    const grid = fakePlan({ points: [point('full'), ...points], items: 2 })
    // As it is written and read, too; dynts is right with 9 alone, window never.
    const jobs = jobsOf(evalPlan.parse(JSON.parse(JSON.stringify(grid))))
    const right = (job: PlannedJob) => job.policy === 'dynts' && job.settings.evictEvery === 9
    const summary = await summaryOf(
      grid,
      jobs.map((job) => sampleRecord(job, right(job))),
    )
    const { configurations } = summary.tasks[0]!
    expect(configurations.map(configurationName)).toEqual([
      'full',
      ...['ratio 0.5', 'evict-every 9', 'evict-every 30'].flatMap((share) => [
        `dynts B 320 W_l 32 ${share}`,
        `window B 320 W_l 32 ${share}`,
      ]),
    ])
    // Each is compared with dynts at the same settings.
    const toDynts = configurations.map(({ sampling }) => sampling!.toDynts?.mean)
    expect(toDynts).toEqual([undefined, undefined, 0, undefined, -1, undefined, 0])
    const text = summaryText(summary)
    expect(text).toContain('| Pass@1 by K |')
    expect(text).toMatch(/^\| `dynts` +\| 100\.0 % \| +0\.0 % \|$/m)
    expect(text).toMatch(/^\| `window` +\| +320 +\| +32 +\| +K 30 +\|/m)
    expect(summaryCsv(summary)).toMatch(/^chain,dynts,\{\},,,320,32,,9,,,2,/m)
  })

  test('as CSV has a line for each configuration, with the same fields', async () => {
    const lines = summaryCsv(await summaryOf(plan, records))
      .trimEnd()
      .split('\n')
    expect(lines).toHaveLength(4)
    expect(lines[0]).toMatch(
      /^task,policy,policy_options,policy_hash,protect,budget,local_window,ratio,evict_every,segments,value_reserve,samples,missing,failed,pass1,pass1_low,/,
    )
    expect(lines[3]).toMatch(/^chain,window,\{\},,,320,32,0\.5,,,,4,0,0,0\.75,/)
    expect(new Set(lines.map((line) => line.split(',').length)).size).toBe(1)
  })
})
