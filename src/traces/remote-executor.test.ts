import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { OpenAiServer, type Reply, type Style } from '../../test/support/openai-server.ts'
import { EngineError, InputError } from '../errors.ts'
import { generateChainProblem } from '../evaluation/chain-problem.ts'
import type { Retry } from '../back-off.ts'
import { RemoteExecutor, type RemoteOptions } from './remote-executor.ts'
import type { Sampled, TraceJob } from './trace-job.ts'
import { tagsOf } from '../llama/thinking-tags.ts'

let server: OpenAiServer
const retries: Retry[] = []
const { question, answer } = generateChainProblem(1, { people: 4 })
const job: TraceJob = {
  id: 'a#0',
  question: { id: 'a', question, answer },
  sample: 0,
  seed: 17,
  messages: [{ role: 'user', content: question }],
  sampling: { temperature: 0.6, topP: 0.95, topK: 20, minP: 0 },
  maxTokens: 100,
}
/** What the server says if nothing else is asked for. */
const split = {
  completion: {
    thinking: `Let me see. It is ${answer}.\n`,
    answer: `\n\nThe answer is \\boxed{${answer}}.`,
    ended: true,
  },
  stopped: true,
}

beforeEach(async () => {
  server = await OpenAiServer.start()
  retries.length = 0
})
afterEach(() => server.stop())

const connect = (options: Partial<RemoteOptions> = {}) =>
  RemoteExecutor.connect({
    url: server.url,
    parallel: 2,
    timeoutMs: 300_000,
    retries: 3,
    firstRetryMs: 1,
    tags: tagsOf({ open: '<think>', close: '</think>' }),
    onRetry: (retry) => retries.push(retry),
    ...options,
  })

async function sample(options: Partial<RemoteOptions> = {}, signal = new AbortController().signal): Promise<Sampled> {
  const outcome = await execute(options, signal)
  if (outcome?.kind === 'failed') throw outcome.error
  if (outcome?.kind !== 'done') throw new Error('it was ended')
  return outcome.result
}

async function execute(options: Partial<RemoteOptions> = {}, signal = new AbortController().signal) {
  const executor = await connect({ model: 'solver', ...options })
  return await executor.execute(job, { signal })
}

/** Answers so many times with the first, then with the second. */
function answerWith(first: Reply, times = Infinity, then: Reply = { kind: 'ok' }): void {
  server.reply = (_, index) => (index < times ? first : then)
}

describe('connecting', () => {
  test('takes the only model that the server lists, and /v1 for an address without a path', async () => {
    expect((await connect()).endpointModel).toBe('solver')
  })

  test.each([
    [['a', 'b'], /lists 2 models \(a, b\): name one with `endpointModel`/],
    [[], /lists no model/],
  ] as const)('of %j it wants one named', async (models, message) => {
    server.models = models
    await expect(connect()).rejects.toThrow(message)
    expect((await connect({ model: 'b' })).endpointModel).toBe('b')
  })

  test.each(['localhost:8000', 'ftp://x/v1', 'nonsense'])('refuses the address %s', async (url) => {
    await expect(connect({ url })).rejects.toMatchObject({ code: 'invalid_endpoint' })
  })

  test('sends the key, or none of the user’s', async () => {
    await connect({ apiKey: 'secret' })
    await connect()
    expect(server.authorizations).toEqual(['Bearer secret', 'Bearer none'])
  })

  test('a list that makes no sense is no list', async () => {
    server.modelsReply = { kind: 'raw', text: '{"models":[]}' }
    await expect(connect()).rejects.toThrow(/failed 3 times, at last: its list of models makes no sense/)
  })
})

describe('a request', () => {
  test('has the settings of the job', async () => {
    await sample()
    expect(server.requests).toEqual([
      {
        model: 'solver',
        messages: job.messages,
        temperature: 0.6,
        top_p: 0.95,
        top_k: 20,
        seed: 17,
        max_tokens: 100,
        stream: true,
      },
    ])
  })
})

describe('thinking and answer', () => {
  const styles: Style[] = ['reasoning_content', 'reasoning', 'both', 'closing-tag']

  test.each(styles.flatMap((style) => [true, false].map((stream) => [style, stream] as const)))(
    'as %s, streamed: %s',
    async (style, stream) => {
      answerWith({ kind: 'ok', style, stream })
      expect(await sample()).toEqual(split)
    },
  )

  test('between tags', async () => {
    answerWith({ kind: 'ok', style: 'tags' })
    const { thinking } = split.completion
    expect(await sample()).toEqual({ ...split, completion: { ...split.completion, thinking: `\n${thinking}` } })
  })

  test('without thinking', async () => {
    answerWith({ kind: 'ok', style: 'no-thinking' })
    expect(await sample()).toEqual({ ...split, completion: { ...split.completion, thinking: '' } })
  })

  test.each(['length', 'content_filter'])('%s is no end', async (finish) => {
    answerWith({ kind: 'ok', finish, answer: '' })
    const { thinking } = split.completion
    expect(await sample()).toEqual({ completion: { thinking, answer: '', ended: false }, stopped: false })
  })

  test('cut off without tags: only the template knows what it was', async () => {
    answerWith({ kind: 'ok', finish: 'length', style: 'no-thinking', answer: 'hm' })
    expect(await sample()).toEqual({ completion: 'hm', stopped: false })
  })
})

describe('what may pass is tried again', () => {
  test.each<[string, Reply, RegExp]>([
    ['status 429', { kind: 'status', status: 429 }, /^status 429: as asked$/],
    ['status 500', { kind: 'status', status: 500 }, /^status 500/],
    ['a connection that is cut', { kind: 'cut' }, /^the connection was cut/],
    ['no finish_reason', { kind: 'ok', finish: null }, /^the answer was cut off/],
    [
      'an error in the stream',
      { kind: 'raw', event: true, text: '{"error":{"message":"out of memory"}}' },
      /out of memory/,
    ],
    ['no JSON', { kind: 'raw', text: '<html>' }, /it is not JSON/],
    ['an event without JSON', { kind: 'raw', event: true, text: '{"choi' }, /it is not JSON/],
    ['no choices', { kind: 'raw', text: '{"choices":[]}' }, /it has no choices/],
    ['something else', { kind: 'raw', text: '{"choices":"no"}' }, /choices/],
  ])('%s', async (_, fault, reason) => {
    answerWith(fault, 2)
    expect(await sample()).toEqual(split)
    expect(retries.map(({ retry }) => retry)).toEqual([1, 2])
    expect(retries[0]!.reason).toMatch(reason)
  })

  test.each([false, true])('a server that is silent, in mid-answer: %s', async (midway) => {
    // The watch runs only when the test lets it, so that a slow machine is not taken for a silent server.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      answerWith({ kind: 'silent', midway }, 2)
      const sampled = sample({ timeoutMs: 150_000 })
      for (const asked of [1, 2]) {
        while (server.requests.length < asked) await sleep(1)
        vi.advanceTimersByTime(150_000)
      }
      expect(await sampled).toEqual(split)
      expect(retries.map(({ reason }) => reason)).toEqual(Array(2).fill('it was silent for 150 s'))
    } finally {
      vi.useRealTimers()
    }
  })

  test('waits double each time, with some chance in it, and as long as the server says', async () => {
    answerWith({ kind: 'status', status: 503 }, 3)
    await sample({ firstRetryMs: 20 })
    for (const [i, { waitMs }] of retries.entries()) {
      expect(waitMs).toBeGreaterThanOrEqual(20 * 2 ** i * 0.75)
      expect(waitMs).toBeLessThanOrEqual(20 * 2 ** i * 1.25)
    }
    server.requests.length = 0
    answerWith({ kind: 'status', status: 429, headers: { 'retry-after': '0.3' } }, 1)
    await sample()
    expect(retries.at(-1)!.waitMs).toBe(300)
  })

  test('until the tries are used up', async () => {
    answerWith({ kind: 'status', status: 500 })
    const failed = sample()
    await expect(failed).rejects.toBeInstanceOf(EngineError)
    await expect(failed).rejects.toThrow(/^http:\S+ failed 4 times, at last: status 500: as asked\.$/)
  })

  test('a server that is not there', async () => {
    await server.stop()
    await expect(sample({ retries: 1 })).rejects.toThrow(/failed 2 times, at last: .*ECONNREFUSED/)
    server = await OpenAiServer.start()
  })

  test('nonsense is not asked for as often', async () => {
    answerWith({ kind: 'raw', text: 'hello' })
    await expect(sample({ retries: 50 })).rejects.toThrow(/failed 3 times, at last: .*it is not JSON/)
  })

  test('a field of another type is told in one line', async () => {
    answerWith({ kind: 'raw', text: '{"choices":[{"message":{"content":42}}]}' })
    await expect(sample({ retries: 0 })).rejects.toThrow(/server: choices\.0\.message\.content: [^\n]+$/)
  })

  test('an answer that never ends is left', async () => {
    answerWith({ kind: 'ok', thinking: 'x'.repeat(10_000) })
    await expect(sample({ retries: 0 })).rejects.toThrow(/longer than 6400 characters/)
  })
})

describe('a failure of one job', () => {
  test.each<[string, Reply, boolean]>([
    ['a refusal of what it asks', { kind: 'status', status: 400 }, true],
    ['a prompt too large', { kind: 'status', status: 413 }, true],
    ['an error of the server', { kind: 'status', status: 500 }, true],
    ['nonsense', { kind: 'raw', text: 'hello' }, true],
    ['a wrong key', { kind: 'status', status: 401 }, false],
    ['a server that is overloaded', { kind: 'status', status: 503 }, false],
    ['an option that is not known', { kind: 'status', status: 400, message: 'top_k: unknown' }, false],
    ['a connection that is cut', { kind: 'cut' }, false],
  ])('%s: its own: %s', async (_, fault, isOwn) => {
    answerWith(fault)
    const executing = execute({ retries: 0 })
    if (isOwn) expect(await executing).toMatchObject({ kind: 'failed' })
    else await expect(executing).rejects.toThrow()
  })
})

describe('what will not pass ends it at once', () => {
  test.each([
    [401, /answered with status 401: as asked\. Check the API key/],
    [404, /Check `endpoint` and `endpointModel`/],
    [400, /answered with status 400: as asked\.$/],
  ])('status %d', async (status, message) => {
    answerWith({ kind: 'status', status })
    const failed = sample()
    await expect(failed).rejects.toBeInstanceOf(InputError)
    await expect(failed).rejects.toThrow(message)
    expect(server.requests).toHaveLength(1)
  })

  test('a server that does not know an option', async () => {
    answerWith({ kind: 'status', status: 400, message: 'Unrecognized request argument supplied: top_k' })
    await expect(sample()).rejects.toThrow(/supplied: top_k\. .*`topK: 0`/)
  })

  test('the caller’s own end', async () => {
    for (const reply of [
      { kind: 'silent' },
      { kind: 'silent', midway: true },
      { kind: 'status', status: 500 },
    ] as const) {
      answerWith(reply)
      const stop = new AbortController()
      setTimeout(() => stop.abort(), 100)
      expect(await execute({ firstRetryMs: 10_000 }, stop.signal)).toBeUndefined()
    }
  })
})
