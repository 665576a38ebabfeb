/**
 * Gives every thinking token of every kept trace its importance: from a trace file to an importance folder. The model runs in
 * a process of its own; files are written here.
 */
import { checkFields } from '../check-shape.ts'
import { checkWhole } from '../check-whole.ts'
import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { fingerprint } from '../engine/locate-model.ts'
import { InputError } from '../errors.ts'
import { largestSeed, loadLibrary, type GpuChoice, type KvType } from '../llama/index.ts'
import type { GgufInfo } from '../models/gguf-file.ts'
import { formatBytes } from '../models/memory-plan.ts'
import { defaultLabel, parseLabel } from '../predictor/label.ts'
import { outputFailure } from '../records/file-failure.ts'
import { withFileLock, type WriteLock } from '../records/file-lock.ts'
import { planImportance, sampleTokens, type ImportancePlan } from './importance-plan.ts'
import { importanceSchema, type ImportanceManifest } from './importance-record.ts'
import { ImportanceStore } from './importance-store.ts'
import { checkFolder, ImportanceWriter } from './importance-writer.ts'
import { countsOf, keptTraces } from './kept-traces.ts'
import { PassProcess } from './pass-process.ts'

/** Reading a large trace file blocks this thread; a lock of a process that is gone is stale at once. */
const staleLockMs = 30 * 60_000

export interface ExtractOptions {
  /** The model that the traces were tokenised for, as `locateModel` gives it. */
  readonly info: GgufInfo
  /** The trace file. */
  readonly traces: string
  /** The importance folder. */
  readonly output: string
  /** What is measured: `answer` (the default), `later`, `mix`; with W, `later:512` (`Label`). */
  readonly label?: string | undefined
  /** Thinking tokens of each trace whose hidden states are stored. Default: all. */
  readonly tokensPerTrace?: number | undefined
  /** Of the choice of tokens. Default 0. */
  readonly seed?: number | undefined
  /** Number format of the KV cache. Default f16. */
  readonly kvType?: Exclude<KvType, 'q8_0'> | undefined
  readonly threads?: number | undefined
  readonly gpu?: GpuChoice | undefined
  readonly gpuLayers?: number | undefined
  /** Goes on with what the folder holds; otherwise it is put aside. Default true. */
  readonly resume?: boolean | undefined
  /** Versions of what calls this, for the manifest. */
  readonly versions?: Readonly<Record<string, string>> | undefined
  /** Ends the work at once; the traces that are finished stay. */
  readonly signal?: AbortSignal | undefined
  /** Called once another process is found at work on the same folder; it is waited for. */
  readonly onWait?: (() => void) | undefined
  /** Called before anything is loaded or written. */
  readonly onPlan?: ((plan: ImportancePlan, freeBytes: number) => void) | undefined
  /** Share of the weights that are read, 0..1. */
  readonly onLoading?: ((share: number) => void) | undefined
  /** Called before the first chunk and after each, about this run alone. */
  readonly onProgress?: ((progress: ExtractProgress) => void) | undefined
  /** Called once, after the first trace, if others are left. */
  readonly onSpeed?: ((speed: PassSpeed) => void) | undefined
}

const optionFields = {
  ...{ info: true, traces: true, output: true, label: true, tokensPerTrace: true, seed: true, kvType: true },
  ...{ threads: true, gpu: true, gpuLayers: true, resume: true, versions: true, signal: true },
  ...{ onWait: true, onPlan: true, onLoading: true, onProgress: true, onSpeed: true },
} as const

export interface ExtractProgress {
  /** Tokens of this run, of prompt, thinking and answer. */
  readonly tokens: number
  readonly totalTokens: number
  /** Finished traces of this run. */
  readonly traces: number
  readonly totalTraces: number
}

/** How fast the model is on this machine. */
export interface PassSpeed {
  /** Of the first trace. */
  readonly secondsPerToken: number
  /** Of a forward pass over one token, as in generating. */
  readonly secondsPerStep: number
  /** Of the other traces of this run. */
  readonly tokensLeft: number
}

/** What the folder holds afterwards. */
export interface ExtractSummary {
  readonly plan: ImportancePlan
  /** Whether `signal` ended the work before its end. */
  readonly interrupted: boolean
  readonly manifest: ImportanceManifest
  readonly traces: number
  readonly promptTokens: number
  readonly thinkingTokens: number
  readonly answerTokens: number
  readonly storedTokens: number
  /** Share of all thinking tokens whose importance is above the mean of their trace. */
  readonly aboveMean: number
  /** Of the shards. */
  readonly bytes: number
}

/**
 * Writes in the order of the trace file, so that runs that were interrupted leave the same bytes as one that was not.
 * @throws InputError `invalid_option`, `no_traces`, `trace_mismatch`, `importance_mismatch`, `output_exists`, `disk_full`,
 *   `invalid_output`, `no_attention`, and what loading a model throws; EngineError `lock_lost`,
 *   `engine_died`; the signal's reason if it aborts before the first trace is begun
 */
export async function extractImportance(options: ExtractOptions): Promise<ExtractSummary> {
  checkFields(options, optionFields, 'the options of extractImportance')
  checkWhole('`tokensPerTrace`', options.tokensPerTrace, 1, 2 ** 31 - 1)
  checkWhole('`seed`', options.seed, 0, largestSeed)
  const { output, signal, onWait } = options
  const lock = { signal, staleMs: staleLockMs, ...(onWait ? { onWait } : {}) }
  try {
    return await withFileLock(`${resolve(output)}.lock`, lock, (held) => extract(options, held))
  } catch (error) {
    throw outputFailure(error, output)
  }
}

async function extract(options: ExtractOptions, lock: WriteLock): Promise<ExtractSummary> {
  const { info, traces, output, seed = 0, kvType = 'f16', tokensPerTrace = null, resume = true } = options
  const { gpu, versions, onPlan } = options
  const label = parseLabel(options.label ?? defaultLabel)
  const model = fingerprint(info)
  const { trainedContext } = info
  const settings = { schema: importanceSchema, model, label, kvType, tokensPerTrace, seed } as const
  if (resume) checkFolder(output, { ...settings, versions: {} })
  const plan = planImportance({
    traces,
    model,
    trainedContext,
    tokensPerTrace,
    existing: resume ? output : undefined,
  })
  const freeBytes = await freeSpace(output)
  onPlan?.(plan, freeBytes)
  if (plan.bytesLeft > freeBytes) {
    throw new InputError(
      'disk_full',
      `${output} needs ${formatBytes(plan.bytesLeft)} more, but only ${formatBytes(freeBytes)} are free. Use \`tokensPerTrace\`, or give another \`output\`.`,
    )
  }
  const manifest: ImportanceManifest = {
    ...settings,
    versions: { ...versions, llamaCpp: loadLibrary(gpu).release },
  }
  const finished = plan.tracesLeft === 0 || (await work(plan, manifest, options, lock))
  return { plan, interrupted: !finished, ...summarise(output) }
}

/** Loads the model and runs the traces that are not in the folder yet. Returns whether all of them are now. */
async function work(
  plan: ImportancePlan,
  manifest: ImportanceManifest,
  options: ExtractOptions,
  lock: WriteLock,
): Promise<boolean> {
  const { info, traces, output, kvType, threads, gpu, gpuLayers, resume = true } = options
  const { signal, onLoading, onProgress, onSpeed } = options
  const { label } = manifest
  const settings = { path: info.path, cells: plan.longest, label, kvType, threads, gpu, gpuLayers }
  using pass = await PassProcess.open(settings, { signal, onLoading })
  // A folder is put aside only when nothing can be refused any more.
  const writer = ImportanceWriter.open(output, manifest, { fresh: !resume, lock })
  let tokensBefore = 0
  let finished = 0
  const report = (consumed: number) =>
    onProgress?.({
      tokens: tokensBefore + consumed,
      totalTokens: plan.tokensLeft,
      traces: finished,
      totalTraces: plan.tracesLeft,
    })
  report(0)
  for (const trace of keptTraces(traces, manifest.model)) {
    // Traces that were added since the plan was made are for the next run: the context may be too small for them.
    if (finished === plan.tracesLeft) break
    const { id, question, tokens } = trace
    if (writer.has(id) || tokens.length > info.trainedContext) continue
    const counts = countsOf(trace)
    const sampled = sampleTokens(id, counts.thinkingTokens, manifest.tokensPerTrace, manifest.seed)
    const start = performance.now()
    const arrays = await unlessAborted(pass.run(trace, sampled, report), signal)
    if (!arrays) return false
    const secondsPerToken = (performance.now() - start) / 1000 / tokens.length
    writer.add({ id, question, ...counts }, arrays)
    tokensBefore += tokens.length
    finished++
    if (finished > 1 || finished === plan.tracesLeft || !onSpeed) continue
    const secondsPerStep = await unlessAborted(pass.stepSeconds(tokens), signal)
    if (secondsPerStep === undefined) return false
    onSpeed({ secondsPerToken, secondsPerStep, tokensLeft: plan.tokensLeft - tokensBefore })
  }
  return true
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  return await work.catch((error: unknown) => {
    if (signal?.aborted === true) return undefined
    throw error
  })
}

/** Read from the folder, so that it does not matter how many runs have written it. */
function summarise(output: string): Omit<ExtractSummary, 'plan' | 'interrupted'> {
  using store = ImportanceStore.open(output)
  const { records, manifest } = store
  const sum = (of: (record: (typeof records)[number]) => number) => records.reduce((total, each) => total + of(each), 0)
  const thinkingTokens = sum((record) => record.thinkingTokens)
  const above = sum((record) => countAboveMean(store.readImportance(record)))
  return {
    manifest,
    traces: records.length,
    promptTokens: sum((record) => record.promptTokens),
    thinkingTokens,
    answerTokens: sum((record) => record.answerTokens),
    storedTokens: sum((record) => record.storedTokens),
    aboveMean: thinkingTokens > 0 ? above / thinkingTokens : 0,
    bytes: sum((record) => record.bytes),
  }
}

function countAboveMean(importance: Float32Array): number {
  const mean = importance.reduce((sum, value) => sum + value, 0) / importance.length
  return importance.reduce((count, value) => count + (value > mean ? 1 : 0), 0)
}

/** Free bytes where a folder is, or will be. */
async function freeSpace(folder: string): Promise<number> {
  let existing = resolve(folder)
  while (!existsSync(existing)) existing = dirname(existing)
  const { bavail, bsize } = await statfs(existing)
  return bavail * bsize
}
