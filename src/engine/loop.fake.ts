/**
 * The decode loop on a fake model: runs requests, and keeps what became of each.
 */
import { fakeCalibration } from '../eviction/calibration.fake.ts'
import type { SamplingSettings } from '../llama/index.ts'
import { DecodeLoop, type LoopEvent } from './decode-loop.ts'
import { fakeChoice, FakeForward, fakeImportance } from './forward-pass.fake.ts'
import type { LoopModel, TokenSampler } from './forward-pass.ts'
import type { SequenceOptions } from './sequence.ts'
import type { EvictionEvent, GenerateEvent, GenerateRequest, GenerateResult, TokenEvent } from './types.ts'
import { fakeVocabulary } from './vocabulary.fake.ts'
import { tagsOf } from '../llama/thinking-tags.ts'

export interface FakeModelOptions {
  /** Tokens to be sampled in a request with this seed, one after another. */
  readonly scripts?: Readonly<Record<number, readonly number[]>>
  readonly model?: Partial<LoopModel>
}

/** A model and what it did. */
export function fakeModel(forward: FakeForward, { scripts = {}, model = {} }: FakeModelOptions = {}) {
  const samplers: { settings: SamplingSettings; seed: number; accepted: number[]; disposals: number }[] = []
  const loopModel: LoopModel = {
    vocab: fakeVocabulary,
    trainedContext: 4096,
    chatTemplate: undefined,
    thinkingTags: tagsOf({ open: '<think>', close: '</think>' }),
    notEvictable: undefined,
    notReadable: undefined,
    hasPredictor: true,
    hasCalibration: true,
    // Of the keys of the fake cache.
    calibration: fakeCalibration({ layers: 1, heads: 2, headSize: 2 }),
    recommended: {},
    createSampler(settings, seed): TokenSampler {
      const record = { settings, seed, accepted: [] as number[], disposals: 0 }
      samplers.push(record)
      let drawn = 0
      return {
        sample(row) {
          if (record.disposals > 0) throw new Error('the sampler was used after it was disposed')
          const logits = forward.logits(row)
          if (logits.some(Number.isNaN)) throw new Error('logits of an earlier pass were used')
          const step = drawn++
          return scripts[seed]?.[step] ?? fakeChoice(logits, seed, step)
        },
        accept: (one) => record.accepted.push(one),
        dispose: () => record.disposals++,
      }
    },
    createScorer() {
      const seen = new Map<number, number>()
      return {
        scoringMs: 0,
        push: (position, hidden) => seen.set(position, fakeImportance(hidden)),
        scores: (positions) => Float32Array.from(positions, (position) => seen.get(position) ?? NaN),
      }
    },
    ...model,
  }
  return { loopModel, samplers }
}

/** What became of one request. */
export interface FakeOutcome {
  events: GenerateEvent[]
  error?: unknown
  result?: GenerateResult
}

/** A loop on a fake model; `finish` runs it to its end and gives what became of each request. */
export class FakeLoop {
  readonly forward: FakeForward
  readonly loop: DecodeLoop
  readonly samplers: ReturnType<typeof fakeModel>['samplers']
  readonly outcomes = new Map<number, FakeOutcome>()
  /** Called after each step, with what happened in it. */
  onStep: (items: readonly LoopEvent[]) => void = () => undefined

  constructor(
    sizes: { cells?: number; sequences?: number; batchTokens?: number; attention?: boolean } = {},
    options: FakeModelOptions & Partial<SequenceOptions> & { readonly promptStateBytes?: number } = {},
  ) {
    this.forward = new FakeForward({ ...sizes, vocab: options.model?.vocab })
    const { loopModel, samplers } = fakeModel(this.forward, options)
    this.samplers = samplers
    this.loop = new DecodeLoop(this.forward, loopModel, {
      compaction: options.compaction ?? 'off',
      cellBytes: options.cellBytes ?? { full: 10 },
      promptStateBytes: options.promptStateBytes,
    })
  }

  submit(requestId: number, request: GenerateRequest): this {
    this.outcomes.set(requestId, { events: [] })
    this.loop.submit(requestId, request)
    return this
  }

  step(): readonly LoopEvent[] {
    const items = this.loop.step()
    for (const item of items) {
      const outcome = this.of(item.requestId)
      if (outcome.result || outcome.error) throw new Error(`something happened to ${item.requestId} after its end`)
      if ('error' in item) outcome.error = item.error
      else {
        outcome.events.push(item.event)
        if (item.event.type === 'finish') outcome.result = item.event.result
      }
    }
    this.onStep(items)
    return items
  }

  finish(): this {
    for (let steps = 0; !this.loop.idle; steps++) {
      if (steps > 3000) throw new Error('the loop does not come to an end')
      this.step()
    }
    return this
  }

  of(requestId: number): FakeOutcome {
    const outcome = this.outcomes.get(requestId)
    if (!outcome) throw new Error(`there is no request ${requestId}`)
    return outcome
  }

  /** @throws what the request failed with */
  result(requestId: number): GenerateResult {
    const { result, error } = this.of(requestId)
    if (error) throw error as Error
    if (!result) throw new Error(`request ${requestId} has not ended`)
    return result
  }

  generated(requestId: number): readonly number[] {
    const { tokens: all, usage } = this.result(requestId)
    return all.slice(usage.promptTokens)
  }

  evictions(requestId: number): EvictionEvent[] {
    return this.of(requestId).events.filter((event) => event.type === 'eviction')
  }

  tokenEvents(requestId: number): TokenEvent[] {
    return this.of(requestId).events.filter((event) => event.type === 'token')
  }
}

/** Runs one request alone. */
export function runAlone(
  request: GenerateRequest,
  options: FakeModelOptions &
    Partial<SequenceOptions> & { cells?: number; batchTokens?: number; attention?: boolean } = {},
): FakeLoop {
  const { cells = 64, batchTokens = 8, attention = false } = options
  return new FakeLoop({ cells, sequences: 1, batchTokens, attention }, options).submit(1, request).finish()
}

/** Runs a request whose sampled tokens are given, behind a prompt that opens the thinking. */
export function scripted(script: readonly number[], request: Partial<GenerateRequest> = {}): FakeLoop {
  const prompt = { text: 'Q<think>' }
  return runAlone(
    { prompt, policy: 'full', seed: 1, maxTokens: script.length, ...request },
    { cells: 512, scripts: { 1: script } },
  )
}
