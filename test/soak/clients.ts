/** Many clients of one server, each with a key and questions of its own; and what becomes of their requests. */
import { generateChainProblem, type ChainProblem } from '../../src/evaluation/chain-problem.ts'
import { personNames } from '../../src/evaluation/chain-grammar.ts'
import { mulberry32 } from '../../src/mulberry32.ts'
import { keyOf } from './keys.ts'

/** A whole answer with its tokens and their log-probabilities, and what it was asked for. */
export interface TokenedAnswer {
  readonly promptTokens: readonly number[]
  readonly tokens: readonly number[]
  /** Of the tokens that are no tags, in order. */
  readonly odds: readonly { readonly id: number; readonly logprob: number }[]
  readonly policy: string
  readonly budget: number
  readonly localWindow: number
  readonly evictions: number
}

interface Ask {
  readonly problem: ChainProblem
  readonly choices: number
  readonly cache: { readonly policy: string; readonly budget: number; readonly local_window: number }
  readonly startedAt: number
}

interface Odds {
  readonly id: number
  readonly logprob: number
}
interface Message {
  readonly content?: string | null
  readonly reasoning_content?: string
}
interface Whole {
  readonly id: string
  readonly choices?: readonly {
    readonly message: Message
    readonly logprobs: { readonly content: readonly Odds[]; readonly reasoning: readonly Odds[] } | null
    readonly token_ids?: readonly number[]
  }[]
  readonly prompt_token_ids?: readonly number[]
  readonly dynts?: { readonly evictions?: number; readonly queued_ms?: number }
  readonly error?: { readonly code: string }
}
interface Chunk {
  readonly id: string
  readonly choices: readonly { readonly delta: Message }[]
}

const mostTokened = 100

export class Clients {
  readonly counts = {
    ...{ requests: 0, whole: 0, streams: 0, resumed: 0, several: 0, left: 0, right: 0, refused: 0, streamsCut: 0 },
    wholeCut: 0,
    /** Answers with a name that is not in their question: the model may have made it up. */
    madeUpNames: 0,
  }
  /** What must not be. */
  readonly wrong: string[] = []
  /** Milliseconds that requests took, to their ends. */
  readonly times: number[] = []
  /** Milliseconds that whole answers waited for a slot, by client. */
  readonly queued = new Map<number, number[]>()
  readonly tokened: TokenedAnswer[] = []
  readonly #url: string
  readonly #seed: number
  readonly #deaths: readonly number[]
  readonly #ids = new Set<string>()
  #conversations = 0

  /** @param deaths when the engine was killed; others may add to it */
  constructor(url: string, seed: number, deaths: readonly number[] = []) {
    this.#url = url
    this.#seed = seed
    this.#deaths = deaths
  }

  /** Asks one thing after another. @param goesOn asked before each request */
  async run(client: number, goesOn: () => boolean): Promise<void> {
    const random = mulberry32(this.#seed * 1009 + client)
    while (goesOn()) {
      this.counts.requests++
      const controller = new AbortController()
      try {
        await this.#ask(client, random, controller)
      } catch (error) {
        if (controller.signal.aborted) this.counts.left++
        else this.wrong.push(`client ${client}: ${String(error)}`)
      }
    }
  }

  async #ask(client: number, random: () => number, controller: AbortController): Promise<void> {
    const kind = random()
    const ask: Ask = {
      problem: generateChainProblem(Math.floor(random() * 1e6), { people: 4 + Math.floor(random() * 5) }),
      choices: kind > 2 / 3 ? 2 : 1,
      cache: {
        policy: ['dynts', 'question-window', 'full'][Math.floor(random() * 3)] ?? '',
        budget: 200 + Math.floor(random() * 120),
        local_window: 32,
      },
      startedAt: performance.now(),
    }
    const isStream = kind < 1 / 3
    const comesBack = isStream && random() < 0.2
    if (!comesBack && random() < 0.2) setTimeout(() => controller.abort(), random() * 300).unref()
    const wantsTokens = !isStream && ask.choices === 1
    const body = JSON.stringify({
      messages: [{ role: 'user', content: ask.problem.question }],
      ...{ stream: isStream, n: ask.choices, temperature: 0.3, max_tokens: 900, dynts: ask.cache },
      ...(wantsTokens ? { return_token_ids: true, logprobs: true } : {}),
    })
    const headers = { 'x-api-key': keyOf(client) }
    const conversation = `c${this.#conversations++}`
    const response = await fetch(`${this.#url}/v1/chat/completions`, {
      ...{ method: 'POST', body, signal: controller.signal },
      headers: { ...headers, ...(comesBack ? { 'x-conversation-id': conversation } : {}) },
    })
    const isCut = comesBack && response.status === 200
    const text = isCut ? await this.#comeBack(response, headers, conversation) : await response.text()
    this.times.push(performance.now() - ask.startedAt)
    const isGivenUp = !isStream && response.status === 503 && text.includes('"engine_died"')
    if (isGivenUp) this.#noteWhole(client, JSON.parse(text) as Whole, ask)
    else if (response.status === 429 || response.status === 503) this.counts.refused++
    else if (response.status !== 200) this.wrong.push(`${response.status}: ${text.slice(0, 300)}`)
    else if (isStream) this.#noteStream(text, ask, isCut)
    else this.#noteWhole(client, JSON.parse(text) as Whole, ask)
  }

  /** Reads the beginning, leaves, and reads the rest. */
  async #comeBack(response: Response, headers: Record<string, string>, conversation: string): Promise<string> {
    const reader = response.body?.getReader()
    const first = (await reader?.read())?.value as Uint8Array
    await reader?.cancel()
    const rest = await fetch(`${this.#url}/v1/stream?conv_id=${conversation}&from=${first.length}`, { headers })
    return Buffer.concat([first, new Uint8Array(await rest.arrayBuffer())]).toString()
  }

  #noteWhole(client: number, { id, choices = [], error, ...told }: Whole, ask: Ask): void {
    if (error?.code === 'engine_died') {
      this.counts.wholeCut++
      const hits = this.#deaths.filter((at) => at >= ask.startedAt).length
      if (hits < 2) this.wrong.push(`an answer was given up after ${hits} deaths of the engine`)
      return
    }
    if (choices.length !== ask.choices || this.#isKnown(id)) {
      this.wrong.push(`an answer is wrong: ${JSON.stringify({ id, choices, error }).slice(0, 300)}`)
      return
    }
    if (ask.choices === 1) this.counts.whole++
    else this.counts.several++
    const isStrange = choices.filter(({ message }) => this.#judge(message, ask)).length > 0
    const [choice] = choices
    const { queued_ms: queued, evictions = 0 } = told.dynts ?? {}
    if (queued !== undefined) this.queued.set(client, [...(this.queued.get(client) ?? []), queued])
    if (!choice?.token_ids || !choice.logprobs || !told.prompt_token_ids) return
    if (this.tokened.length >= mostTokened && !isStrange) return
    const { policy, budget, local_window: localWindow } = ask.cache
    this.tokened.push({
      ...{ promptTokens: told.prompt_token_ids, tokens: choice.token_ids, evictions, policy, budget, localWindow },
      odds: [...choice.logprobs.reasoning, ...choice.logprobs.content],
    })
  }

  #noteStream(text: string, ask: Ask, isResumed: boolean): void {
    const events = [...text.matchAll(/^data: (.*)$/gm)].map(([, json = '']) => json)
    if (events.at(-1) !== '[DONE]') {
      if (events.at(-1)?.includes('"engine_died"') === true) this.counts.streamsCut++
      else this.wrong.push(`a stream has no end: ${text.slice(-300)}`)
      return
    }
    if (isResumed) this.counts.resumed++
    else this.counts.streams++
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event) as Chunk)
    if (new Set(chunks.map(({ id }) => id)).size !== 1 || this.#isKnown(chunks[0]?.id ?? '')) {
      this.wrong.push(`ids of a stream: ${text.slice(0, 300)}`)
    }
    const joined = (part: keyof Message) => chunks.map(({ choices }) => choices[0]?.delta[part] ?? '').join('')
    this.#judge({ content: joined('content'), reasoning_content: joined('reasoning_content') }, ask)
  }

  /** Whether an earlier answer had this id. */
  #isKnown(id: string): boolean {
    if (id === '' || this.#ids.has(id)) return true
    this.#ids.add(id)
    return false
  }

  /** @returns whether it names somebody of whom its question knows nothing */
  #judge({ content, reasoning_content: thinking }: Message, { problem }: Ask): boolean {
    if (content?.includes(`\\boxed{${problem.answer}}`) === true) this.counts.right++
    const text = `${thinking}${content}`
    const isStrange = personNames.some((name) => text.includes(name) && !problem.question.includes(name))
    if (isStrange) this.counts.madeUpNames++
    return isStrange
  }

  /** Choices that came to an end. */
  get answers(): number {
    const { whole, streams, resumed, several } = this.counts
    return whole + streams + resumed + 2 * several
  }
}
