/** What the extraction of importance has to do, known from the trace file's token counts before a model is loaded. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { InputError } from '../errors.ts'
import { mulberry32 } from '../mulberry32.ts'
import type { Fingerprint } from '../predictor/index.ts'
import { readRecords } from '../records/read-records.ts'
import { blockBytes } from './importance-block.ts'
import { importanceRecords, recordsName, type ImportanceRecord } from './importance-record.ts'
import { countsOf, isMeasuredAs, keptTraces } from './kept-traces.ts'

export interface ImportancePlanOptions {
  /** The trace file. */
  readonly traces: string
  readonly model: Fingerprint
  readonly trainedContext: number
  /** Thinking tokens of each trace whose states are stored; null: all. */
  readonly tokensPerTrace: number | null
  /** The folder whose records are kept; undefined: none are. */
  readonly existing?: string | undefined
}

export interface ImportancePlan {
  /** All that the folder will hold. */
  readonly traces: number
  /** Bytes of its shards. */
  readonly bytes: number
  /** Of these, what is still to be done. */
  readonly tracesLeft: number
  readonly tokensLeft: number
  readonly bytesLeft: number
  /** Tokens of the longest trace. */
  readonly longest: number
  /** Traces longer than the model's trained context. */
  readonly skipped: number
}

/**
 * Reads the whole trace file once.
 * @throws InputError `records_not_found`, `invalid_records`; `no_traces` if there is nothing to do; `trace_mismatch` for
 *   traces of another model; `importance_mismatch` if the folder holds other traces under the same names
 */
export function planImportance(options: ImportancePlanOptions): ImportancePlan {
  const { traces: path, model, trainedContext, tokensPerTrace } = options
  const existing = new Map(existingRecords(options.existing).map((record) => [record.id, record]))
  const seen = new Set<string>()
  const plan = { traces: 0, bytes: 0, tracesLeft: 0, tokensLeft: 0, bytesLeft: 0, longest: 0, skipped: 0 }
  for (const trace of keptTraces(path, model)) {
    const { id, tokens } = trace
    if (seen.has(id)) continue
    seen.add(id)
    if (tokens.length > trainedContext) {
      plan.skipped++
      continue
    }
    const counts = countsOf(trace)
    const storedTokens = Math.min(counts.thinkingTokens, tokensPerTrace ?? Infinity)
    const bytes = blockBytes({ ...counts, storedTokens }, model.hiddenSize)
    plan.traces++
    plan.bytes += bytes
    plan.longest = Math.max(plan.longest, tokens.length)
    const done = existing.get(id)
    if (done && !isMeasuredAs(done, trace)) {
      throw new InputError(
        'importance_mismatch',
        `${options.existing ?? ''} holds another trace ${id} than ${path}. Use \`resume: false\` to put it aside, or give another \`output\`.`,
      )
    }
    if (done) continue
    plan.tracesLeft++
    plan.tokensLeft += tokens.length
    plan.bytesLeft += bytes
  }
  if (plan.traces > 0) return plan
  const why =
    plan.skipped > 0 ? `all ${plan.skipped} are longer than the model's ${trainedContext} positions` : 'none was kept'
  throw new InputError('no_traces', `${path} holds no trace to work on: ${why}.`)
}

/**
 * Which thinking tokens of a trace have their states stored: drawn without replacement, the same for the same seed and id.
 * @returns ascending indices below `thinkingTokens`
 */
export function sampleTokens(id: string, thinkingTokens: number, wanted: number | null, seed: number): Int32Array {
  const indices = Int32Array.from({ length: thinkingTokens }, (_, i) => i)
  if (wanted === null || wanted >= thinkingTokens) return indices
  const random = mulberry32(createHash('sha256').update(`${seed}:${id}`).digest().readUInt32LE(0))
  for (let i = 0; i < wanted; i++) {
    const other = i + Math.floor(random() * (thinkingTokens - i))
    const drawn = indices[other] ?? 0
    indices[other] = indices[i] ?? 0
    indices[i] = drawn
  }
  return indices.slice(0, wanted).sort()
}

function existingRecords(folder: string | undefined): ImportanceRecord[] {
  const path = folder === undefined ? undefined : join(folder, recordsName)
  return path !== undefined && existsSync(path) ? [...readRecords(path, importanceRecords)] : []
}
