/** A chat completion as it came, whole or in pieces, in one form. What of a stream would not be right whatever was asked is refused. */

export interface Entry {
  readonly id: number
  readonly bytes: readonly number[]
  readonly logprob: number
}

export interface ReadChoice {
  readonly content: string
  /** Undefined: there is no such field. */
  readonly thinking: string | undefined
  readonly finish: string
  readonly ids: readonly number[]
  readonly logprobs: { readonly content: readonly Entry[]; readonly reasoning: readonly Entry[] } | null
}

export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details: { readonly cached_tokens: number }
  readonly completion_tokens_details: { readonly reasoning_tokens: number }
}

interface Cache {
  readonly stop_text: string | null
  readonly thinking_closed: string | null
  readonly evictions: number
}

export interface ReadCompletion {
  readonly id: string
  readonly promptIds: readonly number[]
  readonly choices: readonly ReadChoice[]
  /** Undefined: it was not asked for. */
  readonly usage: Usage | undefined
  /** Of each choice. */
  readonly caches: readonly Cache[]
}

export interface Failure {
  readonly message: string
  readonly type: string
  readonly code: string
  readonly param: string | null
}

type Logprobs = ReadChoice['logprobs']
type CacheReport = Cache | { readonly choices: readonly Cache[] }

interface Head {
  readonly id: string
  readonly object: string
  readonly created: number
  readonly model: string
  readonly system_fingerprint: string
}

interface Whole extends Head {
  readonly choices: readonly {
    readonly index: number
    readonly message: { readonly role: string; readonly content: string; readonly reasoning_content?: string }
    readonly finish_reason: string
    readonly logprobs: Logprobs
    readonly token_ids: readonly number[]
  }[]
  readonly prompt_token_ids: readonly number[]
  readonly usage: Usage
  readonly dynts: CacheReport
  readonly error?: Failure
}

interface Chunk extends Head {
  readonly choices: readonly {
    readonly index: number
    readonly delta: {
      readonly role?: string
      readonly content?: string | null
      readonly reasoning_content?: string
    }
    readonly finish_reason: string | null
    readonly logprobs: Logprobs
    readonly token_ids?: readonly number[]
  }[]
  readonly prompt_token_ids?: readonly number[]
  readonly usage?: Usage | null
  readonly timings?: object
  readonly dynts?: CacheReport & { readonly type?: string }
  readonly error?: Failure
}

function check(isRight: boolean, what: string): asserts isRight {
  if (!isRight) throw new Error(what)
}

/** What does not depend on the time. */
function cachesOf(report: CacheReport): Cache[] {
  const all = 'choices' in report ? report.choices : [report]
  return all.map(({ stop_text, thinking_closed, evictions }) => ({ stop_text, thinking_closed, evictions }))
}

/** @returns the error of one that failed */
export function readWhole(text: string): ReadCompletion | Failure {
  const { error, choices, usage, dynts, id, object, prompt_token_ids: promptIds } = JSON.parse(text) as Whole
  if (error) return error
  check(object === 'chat.completion', 'it is something else')
  check(
    choices.every(({ index, message: { role } }, i) => index === i && role === 'assistant'),
    'choices in no order',
  )
  return {
    ...{ id, promptIds, usage, caches: cachesOf(dynts) },
    choices: choices.map(({ message, finish_reason: finish, logprobs, token_ids: ids }) => ({
      ...{ content: message.content, thinking: message.reasoning_content, finish, ids, logprobs },
    })),
  }
}

/** @returns the error of one that failed @throws Error for what is out of order */
export function readStream(text: string, count: number): ReadCompletion | Failure {
  check(text.endsWith('\n\n'), 'the last event has no end')
  const events = text.slice(0, -2).split('\n\n')
  check(
    events.every((event) => /^data: .+$/.test(event) || event === ': ping'),
    'something that is no event',
  )
  const data = events.filter((event) => event !== ': ping').map((event) => event.slice('data: '.length))
  const isDone = data.at(-1) === '[DONE]'
  const chunks = (isDone ? data.slice(0, -1) : data).map((one) => JSON.parse(one) as Chunk)
  const last = chunks.at(-1)
  check(last !== undefined, 'there is nothing')
  // The one or the other, and nothing behind it.
  check(isDone !== (last.error !== undefined), 'neither an end nor an error is last')
  const told = last.error ? chunks.slice(0, -1) : chunks
  check(
    told.every(({ error }) => error === undefined),
    'an error that is not last',
  )
  const [head] = told
  check(head !== undefined, 'an error without a beginning')
  for (const name of ['id', 'created', 'model', 'system_fingerprint'] as const) {
    check(
      told.every((chunk) => chunk[name] === head[name]),
      `another ${name}`,
    )
  }
  check(
    told.every(({ object }) => object === 'chat.completion.chunk'),
    'it is something else',
  )
  const beginnings = told.slice(0, count).map(({ choices }) => choices[0])
  check(
    beginnings.every((one, i) => one?.index === i && one.delta.role === 'assistant' && one.delta.content === null),
    'roles are not first',
  )
  if (last.error) return last.error
  const rest = told.slice(count)
  const ends = rest.filter(({ timings }) => timings !== undefined)
  check(ends.length === 1 && ends[0] === last && last.dynts !== undefined, 'timings that are not on the last alone')
  const usages = told.map(({ usage }) => usage)
  check(
    usages.slice(0, -1).every((usage) => usage === (last.usage ? null : undefined)),
    'usage before the end',
  )
  check(!last.usage || last.choices.length === 0, 'usage beside a choice')
  return {
    id: head.id,
    promptIds: head.prompt_token_ids ?? [],
    choices: Array.from({ length: count }, (_, index) => {
      const own = rest.flatMap(({ choices }) => choices).filter((choice) => choice.index === index)
      return readChoice(own)
    }),
    usage: last.usage ?? undefined,
    caches: cachesOf(last.dynts),
  }
}

/** @param pieces of one choice, without its role */
function readChoice(pieces: Chunk['choices']): ReadChoice {
  const finish = pieces.at(-1)?.finish_reason
  check(typeof finish === 'string', 'a choice without an end')
  check(
    pieces.slice(0, -1).every(({ finish_reason: reason }) => reason === null),
    'a choice with two ends',
  )
  for (const { delta } of pieces) {
    const { content, reasoning_content: thinking, role } = delta
    check(role === undefined, 'a role in the midst')
    check(content !== '' && content !== null && thinking !== '', 'an empty piece')
    check(content === undefined || thinking === undefined, 'thinking and answer in one piece')
  }
  const thinking = pieces.flatMap(({ delta }) => delta.reasoning_content ?? [])
  const odds = pieces.flatMap(({ logprobs }) => logprobs ?? [])
  return {
    content: pieces.map(({ delta }) => delta.content ?? '').join(''),
    thinking: thinking.length === 0 ? undefined : thinking.join(''),
    finish,
    ids: pieces.flatMap(({ token_ids: ids }) => ids ?? []),
    logprobs:
      odds.length === 0
        ? null
        : { content: odds.flatMap(({ content }) => content), reasoning: odds.flatMap(({ reasoning }) => reasoning) },
  }
}
