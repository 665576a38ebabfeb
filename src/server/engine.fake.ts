/** The engine as the HTTP side sees it, on the fake model: no process, and what it was asked for is kept. */
import { DecodeLoop } from '../engine/decode-loop.ts'
import { FakeForward } from '../engine/forward-pass.fake.ts'
import type { LoopModel } from '../engine/forward-pass.ts'
import { fakeModel } from '../engine/loop.fake.ts'
import { prepareRequest } from '../engine/prepare.ts'
import { renderPrompt, textsOf } from '../engine/prompt.ts'
import type { GenerateRequest } from '../engine/types.ts'
import { fakeVocabulary } from '../engine/vocabulary.fake.ts'
import type { EngineFacts, HostCall, HostCalls } from './engine-messages.ts'
import type { EngineBackend, EngineState, GenerationListener } from './engine-process.ts'

export interface FakeEngineSettings {
  readonly cells: number
  readonly sequences: number
  readonly attention?: boolean
  /** What it says in requests with this seed. */
  readonly scripts: Readonly<Record<number, readonly number[]>>
  readonly recommended?: LoopModel['recommended']
}

export class FakeEngine implements EngineBackend {
  state: EngineState = 'ready'
  readonly progress = 1
  readonly facts: EngineFacts
  readonly requests: GenerateRequest[] = []
  readonly #loop: DecodeLoop
  readonly #model: LoopModel
  readonly #listeners = new Map<number, { readonly id: string; readonly listener: GenerationListener }>()
  #isHeld = false

  constructor({ cells, sequences, attention = false, scripts, recommended = {} }: FakeEngineSettings) {
    const forward = new FakeForward({ cells, sequences, attention })
    this.#model = fakeModel(forward, { scripts, model: { recommended } }).loopModel
    this.#loop = new DecodeLoop(forward, this.#model, { compaction: 'off', cellBytes: { full: 10 } })
    const bytes = { bytesPerCell: 10, cacheBytes: 10 * cells * sequences, grownBytes: 0 }
    this.facts = { cells, ...bytes, backend: 'cpu', threads: 1, release: '0' }
  }

  /** Nothing comes until `release`. */
  hold(): void {
    this.#isHeld = true
  }

  release(): void {
    this.#isHeld = false
    this.#run()
  }

  ask<N extends HostCall>(type: N, message: HostCalls[N]['message']): Promise<HostCalls[N]['reply']> {
    return Promise.resolve().then(() => this.#answers[type](message))
  }

  submit(id: string, request: GenerateRequest, listener: GenerationListener): void {
    this.requests.push(request)
    const number = this.requests.length
    this.#listeners.set(number, { id, listener })
    this.#loop.submit(number, request)
    setImmediate(() => this.#run())
  }

  cancel(id: string): void {
    for (const [number, { id: own }] of this.#listeners) if (own === id) this.#loop.cancel(number)
    setImmediate(() => this.#run())
  }

  endThinking(id: string): void {
    for (const [number, { id: own }] of this.#listeners) if (own === id) this.#loop.endThinking(number)
  }

  #run(): void {
    while (!this.#isHeld && !this.#loop.idle) {
      for (const item of this.#loop.step()) {
        const listener = this.#listeners.get(item.requestId)?.listener
        if ('error' in item) listener?.onError(item.error as Error)
        else listener?.onEvent(item.event)
      }
    }
  }

  readonly #answers: { readonly [N in HostCall]: (message: HostCalls[N]['message']) => HostCalls[N]['reply'] } = {
    plan: (request) => {
      const { definition, protect, promptTokens, neededCells, maxTokens, queries } = prepareRequest(
        this.#model,
        request,
      )
      return {
        ...{ policy: definition.name, protect, promptTokens: promptTokens.length, tokens: promptTokens },
        ...{ cells: neededCells, maxTokens, attention: queries > 0 },
      }
    },
    tokenize: ({ text }) => fakeVocabulary.tokenize(text),
    detokenize: (tokens) => textsOf(fakeVocabulary, tokens),
    tokenBytes: (tokens) => tokens.map((token) => fakeVocabulary.piece(token)),
    render: (prompt) => renderPrompt(this.#model, prompt).text,
  }
}
