import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { noLock } from '../../test/support/no-lock.ts'
import { mulberry32 } from '../mulberry32.ts'
import { blockBytes } from './importance-block.ts'
import { importanceSchema, recordsName, type ImportanceArrays, type ImportanceManifest } from './importance-record.ts'
import { ImportanceStore } from './importance-store.ts'
import { ImportanceWriter } from './importance-writer.ts'

const scratch = mkdtempSync(join(tmpdir(), 'dynts-importance-'))
afterAll(() => rmSync(scratch, { recursive: true }))

const hiddenSize = 6
const manifest: ImportanceManifest = {
  schema: importanceSchema,
  model: { architecture: 'qwen2', hiddenSize, layers: 2, vocabularySize: 10, name: 'a model' },
  label: 'answer',
  kvType: 'f16',
  tokensPerTrace: null,
  seed: 0,
  versions: {},
}

let folders = 0
const newFolder = () => join(scratch, String(folders++), 'x.importance')

interface Entry {
  facts: { id: string; question: string; promptTokens: number; thinkingTokens: number; answerTokens: number }
  arrays: ImportanceArrays
}

function entryOf(i: number, promptTokens: number, thinkingTokens: number, step: number): Entry {
  const random = mulberry32(i)
  const sampled = Int32Array.from({ length: Math.ceil(thinkingTokens / step) }, (_, row) => row * step)
  return {
    facts: { id: `q${i}#0`, question: `q${i}`, promptTokens, thinkingTokens, answerTokens: 3 },
    arrays: {
      importance: Float32Array.from({ length: thinkingTokens }, random),
      promptImportance: Float32Array.from({ length: promptTokens }, random),
      sampled,
      states: Uint16Array.from({ length: sampled.length * hiddenSize }, () => random() * 65_536),
    },
  }
}

const entries = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 5 })), {
    minLength: 1,
    maxLength: 12,
  })
  .map((sizes) => sizes.map(([prompt, thinking, step], i) => entryOf(i, prompt, thinking, step)))

function write(folder: string, added: readonly Entry[], shardBytes?: number): void {
  const writer = ImportanceWriter.open(folder, manifest, { shardBytes, lock: noLock })
  for (const { facts, arrays } of added) writer.add(facts, arrays)
}

function contents(folder: string): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'hex')]))
}

describe('what is written is read', () => {
  test('in shards that are never larger than allowed, but for a trace that is', () => {
    fc.assert(
      fc.property(entries, fc.integer({ min: 1, max: 2000 }), (added, shardBytes) => {
        const folder = newFolder()
        write(folder, added, shardBytes)
        using store = ImportanceStore.open(folder)
        expect(store.manifest).toEqual(manifest)
        expect(store.records.map(({ id }) => id)).toEqual(added.map(({ facts }) => facts.id))
        for (const [i, record] of store.records.entries()) {
          expect(store.read(record)).toEqual(added[i]!.arrays)
          expect(store.readImportance(record)).toEqual(added[i]!.arrays.importance)
          const { importance, promptImportance } = added[i]!.arrays
          expect(store.readScores(record)).toEqual({ importance, promptImportance })
          expect(record.offset === 0 || record.offset + record.bytes <= shardBytes).toBe(true)
          expect(record.bytes).toBe(blockBytes(record, hiddenSize))
        }
      }),
      { numRuns: 40 },
    )
  })

  test('the same bytes, however often the writer was killed', () => {
    fc.assert(
      fc.property(
        entries,
        fc.integer({ min: 1, max: 2000 }),
        fc.array(fc.nat(60), { minLength: 13, maxLength: 13 }),
        (added, shardBytes, cuts) => {
          const unbroken = newFolder()
          write(unbroken, added, shardBytes)
          const broken = newFolder()
          for (let i = 0; i <= added.length; i++) {
            write(broken, added.slice(0, i), shardBytes)
            leaveHalf(broken, cuts[i]!)
          }
          write(broken, added, shardBytes)
          expect(contents(broken)).toEqual(contents(unbroken))
        },
      ),
      { numRuns: 40 },
    )
  })

  test('a trace is written once', () => {
    const folder = newFolder()
    const [a, b] = [entryOf(1, 2, 3, 1), entryOf(2, 2, 3, 1)]
    write(folder, [a, a, b, a])
    using store = ImportanceStore.open(folder)
    expect(store.records.map(({ id }) => id)).toEqual(['q1#0', 'q2#0'])
  })
})

/** What a kill leaves: part of a block in the last shard or in a new one, or part of a record. */
function leaveHalf(folder: string, bytes: number): void {
  const shards = readdirSync(folder).filter((name) => name.endsWith('.bin'))
  const where = [shards.at(-1) ?? 'shard-00000.bin', `shard-${String(shards.length).padStart(5, '0')}.bin`, recordsName]
  appendFileSync(join(folder, where[bytes % 3]!), '{"schema":"'.padEnd(bytes, 'x').slice(0, bytes))
}

describe('what cannot be used is refused', () => {
  function folderOf(count = 2): string {
    const folder = newFolder()
    write(
      folder,
      Array.from({ length: count }, (_, i) => entryOf(i, 2, 8, 2)),
    )
    return folder
  }
  const codeOf = (run: () => unknown): unknown => {
    try {
      run()
      return 'nothing thrown'
    } catch (error) {
      return (error as { code: unknown }).code
    }
  }
  const shard = 'shard-00000.bin'

  test('no folder, no manifest, a foreign manifest', () => {
    expect(codeOf(() => ImportanceStore.open(newFolder()))).toBe('importance_not_found')
    const folder = folderOf()
    writeFileSync(join(folder, 'manifest.json'), '{"schema":"else"}')
    expect(codeOf(() => ImportanceStore.open(folder))).toBe('invalid_importance')
    expect(codeOf(() => ImportanceWriter.open(folder, manifest, { lock: noLock }))).toBe('invalid_importance')
  })

  test('a shard that is too short or missing', () => {
    const folder = folderOf()
    truncateSync(join(folder, shard), 100)
    expect(codeOf(() => ImportanceStore.open(folder))).toBe('invalid_importance')
    expect(codeOf(() => ImportanceWriter.open(folder, manifest, { lock: noLock }))).toBe('invalid_importance')
    rmSync(join(folder, shard))
    expect(codeOf(() => ImportanceStore.open(folder))).toBe('invalid_importance')
  })

  test('a shard that is truncated while it is open', () => {
    const folder = folderOf()
    using store = ImportanceStore.open(folder)
    truncateSync(join(folder, shard), 100)
    expect(codeOf(() => store.read(store.records[1]!))).toBe('invalid_importance')
  })

  test('records that contradict the manifest, or name other files', () => {
    const changes: ((record: Record<string, unknown>) => object)[] = [
      (record) => ({ ...record, storedTokens: 3 }),
      (record) => ({ ...record, shard: '../x.importance/shard-00000.bin' }),
      (record) => ({ ...record, offset: 1_000_000 }),
      (record) => ({ ...record, bytes: 12 }),
    ]
    for (const change of changes) {
      const folder = folderOf(1)
      const path = join(folder, recordsName)
      const record = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
      writeFileSync(path, `${JSON.stringify(change(record))}\n`)
      expect(codeOf(() => ImportanceStore.open(folder))).toBe('invalid_importance')
    }
  })

  test('importance that is no number, tokens that do not ascend', () => {
    const folder = newFolder()
    const good = entryOf(0, 2, 8, 2)
    const importance = good.arrays.importance.with(3, NaN)
    const sampled = good.arrays.sampled.with(1, 0)
    write(folder, [
      { facts: { ...good.facts, id: 'a' }, arrays: { ...good.arrays, importance } },
      { facts: { ...good.facts, id: 'b' }, arrays: { ...good.arrays, sampled } },
    ])
    using store = ImportanceStore.open(folder)
    for (const record of store.records) expect(codeOf(() => store.read(record))).toBe('invalid_importance')
  })

  test('another model or other settings; --no-resume puts the folder aside', () => {
    const folder = folderOf()
    const before = contents(folder)
    const others: ImportanceManifest[] = [
      { ...manifest, seed: 1 },
      { ...manifest, tokensPerTrace: 4 },
      { ...manifest, kvType: 'f32' },
      { ...manifest, model: { ...manifest.model, layers: 3 } },
    ]
    for (const other of others)
      expect(codeOf(() => ImportanceWriter.open(folder, other, { lock: noLock }))).toBe('importance_mismatch')
    expect(contents(folder)).toEqual(before)
    ImportanceWriter.open(folder, others[0]!, { fresh: true, lock: noLock })
    const aside = readdirSync(join(folder, '..')).find((name) => name.includes('.until-'))
    expect(contents(join(folder, '..', aside ?? ''))).toEqual(before)
    using store = ImportanceStore.open(folder)
    expect(store.records).toEqual([])
  })

  test('a folder that holds something else is left alone', () => {
    const folder = newFolder()
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'thesis.txt'), 'mine')
    expect(codeOf(() => ImportanceWriter.open(folder, manifest, { lock: noLock }))).toBe('output_exists')
    expect(existsSync(join(folder, 'manifest.json'))).toBe(false)
  })
})
