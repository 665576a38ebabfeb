/**
 * Writes the folder of `dynts importance` so that a kill at any moment leaves nothing that the next run does not clean up:
 * first a trace's block, then its record.
 */
import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { join } from 'node:path'
import { InputError } from '../errors.ts'
import { pick } from '../pick.ts'
import { differentFact } from '../predictor/index.ts'
import { writeFileAtomic } from '../records/atomic-file.ts'
import { writing } from '../records/file-failure.ts'
import type { WriteLock } from '../records/file-lock.ts'
import { moveToBackup } from '../records/backup.ts'
import { makeFolder } from '../records/make-folder.ts'
import { RecordFile } from '../records/record-file.ts'
import { blockParts } from './importance-block.ts'
import {
  importanceRecords,
  importanceSchema,
  manifestName,
  recordsName,
  type ImportanceArrays,
  type ImportanceManifest,
  type ImportanceRecord,
} from './importance-record.ts'
import { readManifest, shardIndex, shardName } from './importance-store.ts'

export interface WriterOptions {
  /** Under which the folder is written. */
  readonly lock: WriteLock
  /** Puts a folder that is there aside and begins anew. */
  readonly fresh?: boolean | undefined
  /** A shard that would grow beyond this is followed by a new one. Default 256 MiB. */
  readonly shardBytes?: number | undefined
}

/** What is known of a trace before its pass. */
export type TraceFacts = Pick<ImportanceRecord, 'id' | 'question' | 'promptTokens' | 'thinkingTokens' | 'answerTokens'>

const partialManifest = `${manifestName}.partial`

export class ImportanceWriter {
  readonly folder: string
  readonly #manifest: ImportanceManifest
  readonly #lock: WriteLock
  readonly #records: RecordFile<ImportanceRecord>
  readonly #shardBytes: number
  #shard = 0
  /** End of the current shard. */
  #end = 0

  /**
   * Opens a folder for more traces, or makes it.
   * @throws InputError `output_exists` for a folder that holds something else, `importance_mismatch` for one that was begun
   *   with another model or other settings, `invalid_importance` for a damaged one, `invalid_output`
   */
  static open(folder: string, manifest: ImportanceManifest, options: WriterOptions): ImportanceWriter {
    if (options.fresh === true) moveToBackup(folder)
    checkFolder(folder, manifest)
    return new ImportanceWriter(folder, manifest, options)
  }

  private constructor(folder: string, manifest: ImportanceManifest, options: WriterOptions) {
    this.folder = folder
    this.#manifest = manifest
    this.#lock = options.lock
    this.#shardBytes = options.shardBytes ?? 256 * 2 ** 20
    makeFolder(folder)
    if (!existsSync(join(folder, manifestName))) writeManifest(folder, manifest, options.lock)
    const ends = new Map<string, number>()
    this.#records = RecordFile.open(join(folder, recordsName), {
      ...importanceRecords,
      lock: options.lock,
      onExisting: ({ shard, offset, bytes }) => {
        ends.set(shard, offset + bytes)
        this.#shard = shardIndex(shard)
        this.#end = offset + bytes
      },
    })
    writing(folder, () => removeUnrecorded(folder, ends))
  }

  has(id: string): boolean {
    return this.#records.has(id)
  }

  /**
   * Appends a trace; one that is there already is left out.
   * @throws InputError `invalid_output`, `disk_full`; EngineError `lock_lost`
   */
  add(facts: TraceFacts, arrays: ImportanceArrays): void {
    if (this.has(facts.id)) return
    const parts = blockParts(arrays, this.#manifest.model.hiddenSize)
    const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0)
    if (this.#end > 0 && this.#end + bytes > this.#shardBytes) {
      this.#shard++
      this.#end = 0
    }
    const shard = shardName(this.#shard)
    this.#lock.check()
    writing(this.folder, () => appendBlock(join(this.folder, shard), parts, this.#end))
    this.#records.add({
      schema: importanceSchema,
      ...pick(facts, ['id', 'question', 'promptTokens', 'thinkingTokens', 'answerTokens']),
      storedTokens: arrays.sampled.length,
      shard,
      offset: this.#end,
      bytes,
    })
    this.#end += bytes
  }
}

/**
 * Whether traces can be added to what a folder holds.
 * @throws InputError `output_exists`, `importance_mismatch`, `invalid_importance`
 */
export function checkFolder(folder: string, manifest: ImportanceManifest): void {
  if (!existsSync(folder)) return
  if (!statSync(folder).isDirectory())
    throw new InputError('output_exists', `${folder} is a file. Give another \`output\`.`)
  const existing = readManifest(folder)
  if (existing) {
    const different = difference(existing, manifest)
    if (different === undefined) return
    throw new InputError(
      'importance_mismatch',
      `${folder} was begun with another ${different}. Use \`resume: false\` to put it aside, or give another \`output\`.`,
    )
  }
  if (readdirSync(folder).some((name) => name !== partialManifest)) {
    throw new InputError('output_exists', `${folder} holds something else than importance. Give another \`output\`.`)
  }
}

/** Another release of the libraries may go on: only the last bits of what it writes can differ. */
function difference(a: ImportanceManifest, b: ImportanceManifest): string | undefined {
  const facts = [
    { fact: 'model', a: a.model.name, b: b.model.name },
    { fact: '`label`', a: a.label, b: b.label },
    { fact: '`kvType`', a: a.kvType, b: b.kvType },
    { fact: '`tokensPerTrace`', a: a.tokensPerTrace ?? 'all', b: b.tokensPerTrace ?? 'all' },
    { fact: '`seed`', a: a.seed, b: b.seed },
  ]
  const different = differentFact(a.model, b.model) ?? facts.find((each) => each.a !== each.b)
  return different && `${different.fact} (${different.a} instead of ${different.b})`
}

function writeManifest(folder: string, manifest: ImportanceManifest, lock: WriteLock): void {
  writeFileAtomic(join(folder, manifestName), `${JSON.stringify(manifest, null, 2)}\n`, { lock })
}

/** A block is on the disk before a record tells of it; what an earlier failure left behind `end` goes. */
function appendBlock(path: string, parts: readonly Uint8Array[], end: number): void {
  const file = openSync(path, 'a')
  try {
    truncateSync(path, end)
    for (const part of parts) appendFileSync(file, part)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Removes what a kill has left behind the last recorded block. */
function removeUnrecorded(folder: string, ends: ReadonlyMap<string, number>): void {
  for (const name of readdirSync(folder)) {
    if (Number.isNaN(shardIndex(name))) continue
    const path = join(folder, name)
    const end = ends.get(name)
    if (end === undefined) rmSync(path)
    else if (statSync(path).size > end) truncateSync(path, end)
  }
  for (const [name, end] of ends) {
    if (statSync(join(folder, name), { throwIfNoEntry: false })?.size === end) continue
    throw new InputError(
      'invalid_importance',
      `${folder} is damaged: ${name} is shorter than its records say. Use \`resume: false\` to put it aside and begin anew.`,
    )
  }
}
