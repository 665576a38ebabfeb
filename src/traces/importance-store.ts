/** Reads what `dynts importance` has written: manifest and records at once, the arrays of one trace at a time. */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { InputError } from '../errors.ts'
import { folderWithin } from '../records/folder-within.ts'
import { readWholeText } from '../records/input-file.ts'
import { parseJson, readRecords } from '../records/read-records.ts'
import { blockBytes, decodeBlock } from './importance-block.ts'
import {
  importanceManifest,
  importanceRecords,
  manifestName,
  recordsName,
  type ImportanceArrays,
  type ImportanceManifest,
  type ImportanceRecord,
} from './importance-record.ts'

const manifestErrors = { missing: 'importance_not_found', invalid: 'invalid_importance' }
const shardPattern = /^shard-(\d{5,9})\.bin$/

/** File name of the i-th shard. */
export function shardName(index: number): string {
  return `shard-${String(index).padStart(5, '0')}.bin`
}

/** The i of a shard's file name; NaN if it is none. */
export function shardIndex(name: string): number {
  return Number(shardPattern.exec(name)?.[1] ?? NaN)
}

export class ImportanceStore implements Disposable {
  readonly folder: string
  readonly manifest: ImportanceManifest
  /** In the order of the traces. */
  readonly records: readonly ImportanceRecord[]
  readonly #shards = new Map<string, { file: number; bytes: number }>()

  /**
   * @throws InputError `importance_not_found` if there is no such folder, `invalid_importance` for a folder that is
   *   something else, or whose shards are shorter than its records say
   */
  static open(folder: string): ImportanceStore {
    const manifest = readManifest(folder)
    if (!manifest) {
      throw new InputError(
        'importance_not_found',
        `${folder} holds no ${manifestName}: give the folder that dynts importance wrote.${folderWithin(folder, manifestName)}`,
      )
    }
    const store = new ImportanceStore(folder, manifest)
    try {
      for (const record of store.records) store.#check(record)
      return store
    } catch (error) {
      store.close()
      throw error
    }
  }

  private constructor(folder: string, manifest: ImportanceManifest) {
    this.folder = folder
    this.manifest = manifest
    const path = join(folder, recordsName)
    this.records = existsSync(path) ? [...readRecords(path, importanceRecords)] : []
  }

  /**
   * The arrays of one trace, read anew each time.
   * @param record one of `records`
   * @throws InputError `invalid_importance`
   */
  read(record: ImportanceRecord): ImportanceArrays {
    return decodeBlock(this.#readBytes(record, record.bytes), record)
  }

  /** Importance of a trace's thinking tokens alone: the first array of its block. */
  readImportance(record: ImportanceRecord): Float32Array {
    return new Float32Array(this.#readBytes(record, record.thinkingTokens * 4).buffer)
  }

  /**
   * Importance of a trace's thinking tokens and of its prompt's, without the states: the first two arrays of its block.
   * @throws InputError `invalid_importance`
   */
  readScores(record: ImportanceRecord): Pick<ImportanceArrays, 'importance' | 'promptImportance'> {
    const { thinkingTokens, promptTokens } = record
    const block = this.#readBytes(record, (thinkingTokens + promptTokens) * 4)
    const { importance, promptImportance } = decodeBlock(block, { thinkingTokens, promptTokens, storedTokens: 0 })
    return { importance, promptImportance }
  }

  close(): void {
    for (const { file } of this.#shards.values()) closeSync(file)
    this.#shards.clear()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #readBytes(record: ImportanceRecord, bytes: number): Uint8Array<ArrayBuffer> {
    const { file } = this.#check(record)
    const block = new Uint8Array(bytes)
    if (readSync(file, block, 0, bytes, record.offset) !== bytes) this.#fail(`${record.shard} is truncated`)
    return block
  }

  #check(record: ImportanceRecord): { file: number; bytes: number } {
    const { id, shard, offset, bytes } = record
    if (Number.isNaN(shardIndex(shard))) this.#fail(`trace ${id} names a shard ${shard}`)
    const { hiddenSize } = this.manifest.model
    if (record.storedTokens > record.thinkingTokens || bytes !== blockBytes(record, hiddenSize)) {
      this.#fail(`the numbers of trace ${id} contradict each other`)
    }
    const open = this.#shards.get(shard) ?? this.#open(shard)
    if (offset + bytes > open.bytes) this.#fail(`${shard} ends before trace ${id}`)
    return open
  }

  #open(shard: string): { file: number; bytes: number } {
    const path = join(this.folder, shard)
    if (!existsSync(path)) this.#fail(`${shard} is missing`)
    const file = openSync(path, 'r')
    const open = { file, bytes: fstatSync(file).size }
    this.#shards.set(shard, open)
    return open
  }

  #fail(problem: string): never {
    throw new InputError(
      'invalid_importance',
      `${this.folder} is not a usable importance folder: ${problem}. Run dynts importance again.`,
    )
  }
}

/**
 * The manifest of a folder, or undefined if it has none.
 * @throws InputError `invalid_importance`
 */
export function readManifest(folder: string): ImportanceManifest | undefined {
  const path = join(folder, manifestName)
  if (!existsSync(path)) return undefined
  const parsed = importanceManifest.safeParse(parseJson(readWholeText(path, manifestErrors)))
  if (parsed.success) return parsed.data
  throw new InputError('invalid_importance', `${path} was not written by this version of dynts importance.`)
}
