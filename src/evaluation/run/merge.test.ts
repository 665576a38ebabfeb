import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { noLock } from '../../../test/support/no-lock.ts'
import { evalFailuresPath, recordsPath, writePlan } from './eval-folder.ts'
import { isInShard } from './eval-job.ts'
import { recordKey, type EvalRecord } from './eval-record.ts'
import { mergeFolders } from './merge.ts'
import { fakePlan, jobsOf, sampleRecord } from './records.fake.ts'

const root = mkdtempSync(join(tmpdir(), 'dynts-merge-'))
afterAll(() => rmSync(root, { recursive: true }))
const plan = fakePlan({ items: 6, samples: 2 })
const records = jobsOf(plan).map((job) => sampleRecord(job, true))
const textOfLines = (some: readonly object[]) => some.map((record) => `${JSON.stringify(record)}\n`).join('')
const textOf = (some: readonly EvalRecord[]) => textOfLines(some)
const whole = textOf(records)

let count = 0
const fresh = () => join(root, `${++count}`)
function folderOf(some: readonly EvalRecord[], of = plan): string {
  const folder = fresh()
  mkdirSync(folder)
  writePlan(folder, of, noLock)
  writeFileSync(recordsPath(folder), textOf(some))
  return folder
}
const merged = (folder: string) => readFileSync(recordsPath(folder), 'utf8')

describe('merging', () => {
  test('shards, in any order, is the unbroken run; again changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([1, 2, 3], { minLength: 3 }), async (order) => {
        const shards = order.map((index) =>
          folderOf(jobsOf(plan).flatMap((job, i) => (isInShard(job, { index, count: 3 }) ? (records[i] ?? []) : []))),
        )
        const output = fresh()
        expect(await mergeFolders(shards, output)).toMatchObject({ records: 36, added: 36, conflicts: [] })
        expect(merged(output)).toBe(whole)
        expect(await mergeFolders(shards, output)).toMatchObject({ records: 36, added: 0, conflicts: [] })
        expect(merged(output)).toBe(whole)
      }),
      { numRuns: 4 },
    )
  })

  test('says which shards are missing, and how many records of what', async () => {
    const partOf = (index: number, count: number) =>
      folderOf(jobsOf(plan).flatMap((job, i) => (isInShard(job, { index, count }) ? (records[i] ?? []) : [])))
    const there = jobsOf(plan).filter((job) => !isInShard(job, { index: 2, count: 3 })).length
    const output = fresh()
    const { gaps } = await mergeFolders([partOf(1, 3), partOf(3, 3)], output)
    expect(gaps).toMatchObject({ missing: 36 - there, failed: 0, shards: [{ index: 2, count: 3 }] })
    expect(gaps.configurations.map(({ name }) => name.split(' ')[0])).toEqual(['full', 'dynts', 'window'])
    const { gaps: none } = await mergeFolders([partOf(2, 3)], output)
    expect(none).toEqual({ missing: 0, failed: 0, configurations: [], shards: [] })
    // What a kill has left is no shard.
    const { gaps: broken } = await mergeFolders([folderOf(records.slice(0, 20))], fresh())
    expect(broken).toMatchObject({ missing: 16, shards: [] })
  })

  test('takes failures over, unless another folder has the record', async () => {
    const failure = (record: EvalRecord) => ({
      ...{ schema: 'dynts.failure/1', key: recordKey(record), job: record.item, reason: 'no', versions: {} },
      at: '2026-01-01T00:00:00.000Z',
    })
    const parts = [folderOf(records.slice(0, 30)), folderOf(records.slice(32))]
    writeFileSync(evalFailuresPath(parts[0]!), textOfLines([30, 31, 35].map((i) => failure(records[i]!))))
    const output = fresh()
    const { gaps } = await mergeFolders(parts, output)
    expect(gaps).toMatchObject({ missing: 0, failed: 2 })
    expect((await mergeFolders(parts, output)).gaps).toEqual(gaps)
  })

  test('takes what is there, and a record twice only once, timings apart', async () => {
    const again = records.slice(0, 20).map((record) => ({ ...record, wallMs: 7, at: '2026-02-02T00:00:00.000Z' }))
    const output = fresh()
    const result = await mergeFolders([folderOf(records.slice(0, 10)), folderOf(again)], output)
    expect(result).toMatchObject({ planned: 36, records: 20, conflicts: [] })
    expect(merged(output)).toBe(textOf([...records.slice(0, 10), ...again.slice(10)]))
  })

  test('reports the same job with two results, and keeps the first', async () => {
    const [first] = records
    const other = { ...first!, answerTokens: 99 }
    const output = fresh()
    const { conflicts } = await mergeFolders([folderOf([first!]), folderOf([other])], output)
    expect(conflicts).toMatchObject([{ item: 'q0', policy: 'full', sample: 0 }])
    expect(merged(output)).toBe(textOf([first!]))
  })

  test('leaves a line out that a kill has cut off, and records of other plans', async () => {
    const folder = folderOf(records.slice(0, 2))
    writeFileSync(recordsPath(folder), merged(folder).slice(0, -5))
    const stray = jobsOf(fakePlan({ seed: 2 })).map((job) => sampleRecord(job, true))
    const output = fresh()
    expect(await mergeFolders([folder, folderOf(stray)], output)).toMatchObject({ records: 1, unplanned: 9 })
    expect(merged(output)).toBe(textOf(records.slice(0, 1)))
  })

  test('refuses folders of different plans, folders without one, broken records', async () => {
    const folder = folderOf(records)
    await expect(mergeFolders([folder, folderOf([], fakePlan())], fresh())).rejects.toThrow(/not parts of the same run/)
    await expect(mergeFolders([folder, root], fresh())).rejects.toThrow(/no plan\.json/)
    writeFileSync(recordsPath(folder), 'nonsense\n')
    await expect(mergeFolders([folder], fresh())).rejects.toThrow(/line 1, is damaged or of another kind/)
  })
})
