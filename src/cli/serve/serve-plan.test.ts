/** Options of `dynts serve` by what they change: requests to the HTTP side that they make, on the fake model. */
import { Command } from 'commander'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { locateModel, type LocatedModel } from '../../engine/locate-model.ts'
import { tokens } from '../../engine/vocabulary.fake.ts'
import { KeyRing } from '../../server/access.ts'
import { createApp } from '../../server/app.ts'
import { FakeEngine } from '../../server/engine.fake.ts'
import { Log } from '../../server/log.ts'
import { Metrics } from '../../server/metrics.ts'
import { ResumableStreams } from '../../server/resumable-streams.ts'
import { GenerationService } from '../../server/service.ts'
import { addServeOptions, type ServeFlags } from './serve-options.ts'
import { planServe, readServeFlags } from './serve-plan.ts'

let located: LocatedModel
beforeAll(async () => {
  located = await locateModel('tiny', { offline: true })
})
afterEach(() => vi.useRealTimers())

function flagsOf(args: readonly string[]): ServeFlags {
  const command = addServeOptions(new Command('serve')).exitOverride()
  command.action(() => undefined).parse(args, { from: 'user' })
  return command.opts()
}

function planOf(args: readonly string[]) {
  const flags = flagsOf(args)
  return planServe(flags, readServeFlags(flags), located)
}

/** What the fake model says in requests with this seed. */
const seed = 1
const script = tokens('<think>|a|</think>|b|<eos>')

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly body: {
    readonly model?: string
    readonly choices: readonly { readonly message: Readonly<Record<string, string>> }[]
    readonly error?: { readonly code: string; readonly param: string | null }
  } & Readonly<Record<string, unknown>>
}

/** The server of these options. */
function serverOf(...args: string[]) {
  const { settings, service: limits, host } = planOf(args)
  const { cells, slots: sequences, attention } = host
  const recommended = located.predictor ?? {}
  const engine = new FakeEngine({ cells, sequences, attention, scripts: { [seed]: script }, recommended })
  const metrics = new Metrics(settings.aliases[0])
  const service = new GenerationService(engine, limits)
  metrics.observe(service, engine, () => engine.facts)
  const page = Buffer.from('<html>')
  const app = createApp(
    {
      ...{ settings, located, backend: engine, service, metrics, startedAt: 0 },
      streams: new ResumableStreams(),
      keys: new KeyRing(settings.access.keys),
      pageFiles: new Map([['/index.html', { type: 'text/html', content: page, zipped: page }]]),
    },
    new Log('silent', false, () => undefined),
  )
  const send = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
    app(
      new Request(`http://localhost${path}`, {
        method,
        headers: { host: 'localhost', ...headers },
        ...(body && { body: JSON.stringify(body) }),
      }),
      { address: '127.0.0.1' },
    )
  const ask = async (...asked: Parameters<typeof send>): Promise<Answer> => {
    const response = await send(...asked)
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (isJson ? JSON.parse(text) : {}) as Answer['body'],
    }
  }
  const messages = [{ role: 'user', content: 'ab' }]
  const chat = (more: object = {}, headers: Record<string, string> = {}) =>
    ask('POST', '/v1/chat/completions', { messages, seed, ...more }, headers)
  const begin = (more: object = {}) => send('POST', '/v1/chat/completions', { messages, seed, ...more })
  /** What the engine is asked for by a request that says no more than this. */
  const asked = async (more: object = {}) => {
    expect((await chat(more)).status).toBe(200)
    return engine.requests.at(-1)!
  }
  return { engine, send, ask, chat, begin, asked }
}

const outcome = ({ status, body }: Answer) => [status, body.error?.code]

test('--alias, --strict-model: by each name, and with it by no other', async () => {
  const strict = serverOf('--alias', 'one,two', '--strict-model')
  expect((await strict.chat({ model: 'two' })).body.model).toBe('one')
  expect(outcome(await strict.chat({ model: 'three' }))).toEqual([404, 'model_not_found'])
  expect((await strict.ask('GET', '/v1/models/two')).body).toMatchObject({ id: 'two', aliases: ['one', 'two'] })
  expect(outcome(await strict.ask('GET', '/v1/models/tiny'))).toEqual([404, 'model_not_found'])
  expect((await serverOf().chat({ model: 'three' })).body.model).toBe('tiny')
})

test.each([
  [[], { reasoning_content: 'a' }],
  [['--reasoning-field', 'reasoning'], { reasoning: 'a' }],
  [['--reasoning-field', 'both'], { reasoning_content: 'a', reasoning: 'a' }],
])('%j: where the thinking is, whole and in pieces', async (args, thinking) => {
  const server = serverOf(...args)
  const { message } = (await server.chat()).body.choices[0]!
  expect(message).toEqual({ role: 'assistant', content: 'b', refusal: null, ...thinking })
  const deltas = [...(await server.chat({ stream: true })).text.matchAll(/^data: (\{.*)$/gm)].map(
    ([, json = '']) => (JSON.parse(json) as { choices: { delta: object }[] }).choices[0]!.delta,
  )
  expect(deltas).toEqual([{ role: 'assistant', content: null }, thinking, { content: 'b' }, {}])
})

test('--max-tokens is for requests that say nothing, --max-tokens-limit for all', async () => {
  const { asked, chat } = serverOf('--max-tokens', '7', '--max-tokens-limit', '9')
  expect((await asked()).maxTokens).toBe(7)
  expect((await asked({ max_tokens: -1 })).maxTokens).toBe(7)
  expect((await asked({ max_tokens: 9 })).maxTokens).toBe(9)
  for (const field of ['max_tokens', 'max_completion_tokens', 'n_predict']) {
    const refused = await chat({ [field]: 10 })
    expect([...outcome(refused), refused.body.error?.param]).toEqual([400, 'invalid_value', field])
  }
  expect((await serverOf('--max-tokens-limit', '5').asked()).maxTokens).toBe(5)
  expect((await serverOf().asked()).maxTokens).toBe(16_384)
})

test('--thinking-budget is for requests that name none', async () => {
  const { asked } = serverOf('--thinking-budget', '3')
  expect((await asked()).thinkingBudget).toBe(3)
  expect((await asked({ thinking_budget: 2 })).thinkingBudget).toBe(2)
  expect((await asked({ enable_thinking: false })).thinkingBudget).toBe(0)
  expect((await serverOf().asked()).thinkingBudget).toBeUndefined()
})

test('how tokens are drawn where a request does not say it', async () => {
  const args = ['-t', '0.1', '--top-k', '3', '--top-p', '0.5', '--min-p', '0.01', '--repeat-penalty', '1.2']
  const { asked, ask } = serverOf(...args)
  const own = { temperature: 0.1, topK: 3, topP: 0.5, minP: 0.01, repeatPenalty: 1.2 }
  expect((await asked()).sampling).toMatchObject(own)
  expect((await asked({ temperature: 0.9, top_k: -1 })).sampling).toMatchObject({ ...own, temperature: 0.9, topK: 0 })
  const { params } = (await ask('GET', '/props')).body['default_generation_settings'] as { params: object }
  expect(params).toMatchObject({ temperature: 0.1, top_k: 3, top_p: 0.5, min_p: 0.01, repeat_penalty: 1.2 })
})

test('how the cache is bounded where a request does not say it', async () => {
  const bound = [
    '--budget',
    '64',
    '--local-window',
    '8',
    '--evict-every',
    '4',
    '--segments',
    '2',
    '--value-reserve',
    '0.1',
  ]
  const policy = ['--policy', 'streaming-llm', '--sinks', '6', '--protect', 'question']
  const { asked, ask } = serverOf(...bound, ...policy, '--cells', '128')
  const settings = { budget: 64, localWindow: 8, segments: 2, valueReserve: 0.1 }
  const named = { policy: 'streaming-llm+question', policyOptions: { sinks: 6 } }
  const plain = await asked()
  expect(plain).toMatchObject({ ...settings, ...named, evictEvery: 4 })
  expect(plain.ratio).toBeUndefined()
  const told = { policy: 'streaming-llm+question', budget: 64, local_window: 8, evict_every: 4, segments: 2 }
  expect((await ask('GET', '/props')).body['dynts']).toMatchObject({ ...told, value_reserve: 0.1, cells: 128 })
  const other = await asked({ dynts: { ratio: 0.5, budget: 100, policy: 'window' } })
  expect(other).toMatchObject({ ...settings, budget: 100, ratio: 0.5, policy: 'window', policyOptions: {} })
  expect(other.evictEvery).toBeUndefined()
  expect((await serverOf('--ratio', '0.25').asked()).ratio).toBe(0.25)
})

test('--attention lets requests name policies that read it', async () => {
  const h2o = { dynts: { policy: 'h2o' } }
  expect(outcome(await serverOf().chat(h2o))).toEqual([400, 'unknown_policy'])
  expect((await serverOf('--attention').asked(h2o)).policy).toBe('h2o')
  expect((await serverOf('--policy', 'h2o').asked()).policy).toBe('h2o')
})

test('--trust-special: what a user spells is what it spells', async () => {
  expect((await serverOf().asked()).prompt).toMatchObject({ isUntrusted: true })
  expect((await serverOf('--trust-special').asked()).prompt).toMatchObject({ isUntrusted: false })
})

test.each([
  ['--no-page', '/'],
  ['--no-metrics', '/metrics'],
  ['--no-slots', '/slots'],
])('%s switches off %s', async (flag, path) => {
  expect((await serverOf().ask('GET', path)).status).toBe(200)
  expect(outcome(await serverOf(flag).ask('GET', path))).toEqual([404, 'disabled'])
  expect((await serverOf(flag).chat()).status).toBe(200)
})

test('--parallel, --max-queue, --queue-timeout: who waits, and for how long', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  const { engine, chat, ask } = serverOf('--parallel', '2', '--max-queue', '1', '--queue-timeout', '3')
  engine.hold()
  const running = [chat(), chat()]
  const waiting = chat()
  while (engine.requests.length < 2) await new Promise((resolve) => setImmediate(resolve))
  expect(outcome(await chat())).toEqual([429, 'queue_full'])
  expect(JSON.parse((await ask('GET', '/slots')).text)).toHaveLength(2)
  expect(outcome(await chat({ n: 3 }))).toEqual([400, 'invalid_value'])
  const seen = vi.fn()
  void waiting.then(seen)
  await vi.advanceTimersByTimeAsync(2999)
  expect(seen).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(outcome(await waiting)).toEqual([503, 'queue_timeout'])
  engine.release()
  expect((await Promise.all(running)).map(({ status }) => status)).toEqual([200, 200])
})

test.each([
  [{}, '\n', /^\n{3,}\{"id":.*\}$/],
  [{ stream: true }, ': ping\n\n', /^data: .*\n\n(: ping\n\n){3,}data: /],
])('--ping-interval: signs of life while nothing happens, for %j', async (more, sign, whole) => {
  const { engine, begin } = serverOf('--ping-interval', '0.01')
  engine.hold()
  const { body } = await begin(more)
  let text = ''
  for await (const bytes of body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(bytes).toString()
    if (text.split(sign).length > 3) engine.release()
  }
  expect(text).toMatch(whole)
})

test.each([{}, { stream: true }])('--ping-interval 0: none, for %j', async (more) => {
  const { engine, begin } = serverOf('--ping-interval', '0')
  engine.hold()
  const asked = begin(more)
  await new Promise((resolve) => setTimeout(resolve, 50))
  engine.release()
  expect(await (await asked).text()).not.toMatch(/^\s|: ping/)
})

describe('who may ask', () => {
  const page = { origin: 'https://app.example' }
  const preflight = {
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization, x-stainless-os',
    'access-control-request-private-network': 'true',
  }
  const path = '/v1/chat/completions'

  test('--allow-host: under that name, too', async () => {
    const asked = { host: 'LLM.example:443' }
    expect(outcome(await serverOf().chat({}, asked))).toEqual([403, 'host_not_allowed'])
    const { chat } = serverOf('--allow-host', 'box,llm.example')
    expect((await chat({}, asked)).status).toBe(200)
    expect(outcome(await chat({}, { host: 'example' }))).toEqual([403, 'host_not_allowed'])
    expect((await chat()).status).toBe(200)
  })

  test('--allow-origin: pages of these origins may ask, and read the answer', async () => {
    const { send, chat } = serverOf('--allow-origin', 'https://app.example,https://b.example')
    const allowed = await send('OPTIONS', path, undefined, { ...page, ...preflight })
    expect([allowed.status, Object.fromEntries(allowed.headers)]).toMatchObject([
      204,
      {
        'access-control-allow-origin': 'https://app.example',
        'access-control-allow-methods': 'GET, POST, DELETE',
        'access-control-allow-headers': 'authorization, x-stainless-os',
        'access-control-allow-private-network': 'true',
        'access-control-max-age': '600',
        vary: 'origin',
      },
    ])
    expect(allowed.headers.has('access-control-allow-credentials')).toBe(false)
    const { status, headers } = await chat({}, page)
    expect([status, headers.get('access-control-allow-origin')]).toEqual([200, 'https://app.example'])
    expect(headers.has('cross-origin-resource-policy')).toBe(false)
    expect(outcome(await chat({}, { origin: 'https://app.example.evil' }))).toEqual([403, 'origin_not_allowed'])
  })

  test('without it no page may, but the server’s own', async () => {
    const { send, ask, chat, engine } = serverOf()
    const refused = await send('OPTIONS', path, undefined, { ...page, ...preflight })
    expect([refused.status, refused.headers.has('access-control-allow-origin')]).toEqual([403, false])
    expect(outcome(await chat({}, page))).toEqual([403, 'origin_not_allowed'])
    expect(engine.requests).toEqual([])
    const read = await ask('GET', '/v1/models', undefined, page)
    expect([read.status, read.headers.has('access-control-allow-origin')]).toEqual([200, false])
    expect((await chat({}, { origin: 'http://localhost' })).status).toBe(200)
  })

  test('--allow-origin "*" with a key: every page that has it', async () => {
    const { chat } = serverOf('--allow-origin', '*', '--api-key', 'secret')
    const { status, headers } = await chat({}, { ...page, authorization: 'Bearer secret' })
    expect([status, headers.get('access-control-allow-origin')]).toEqual([200, 'https://app.example'])
    expect(outcome(await chat({}, page))).toEqual([401, 'invalid_api_key'])
  })
})

test('what the engine process is given, and the times', () => {
  const machine = ['--threads', '3', '--gpu', 'off', '--kv-type', 'q8_0', '--prompt-cache', '1MiB', '--cells', '600']
  const template = ['--template-var', 'style=plain', '--thinking-tags', '<a> </a>', '--chat-template', '{{ messages }}']
  const times = ['--stall-timeout', '5', '--drain-timeout', '0.5', '--request-timeout', '90', '--queue-timeout', '4']
  expect(planOf([...machine, ...template, ...times, '--budget', '300', '--parallel', '7'])).toMatchObject({
    host: {
      ...{ threads: 3, gpu: 'off', kvType: 'q8_0', promptStateBytes: 2 ** 20, cells: 600, slots: 7, offline: true },
      templateVariables: { style: 'plain' },
      thinkingTags: { open: '<a>', close: '</a>' },
      chatTemplate: '{{ messages }}',
    },
    capacity: { slots: 7, cells: 600, kvType: 'q8_0', promptBytes: 2 ** 20 },
    bound: { budget: 300 },
    service: { slots: 7, queueTimeoutMs: 4000, requestTimeoutMs: 90_000 },
    ...{ stallTimeoutMs: 5000, drainTimeoutMs: 500 },
  })
  expect(planOf(['--gpu', 'auto', '--gpu-layers', '5', '--policy', 'full'])).toMatchObject({
    host: { gpu: 'auto', gpuLayers: 5, cells: 4096, promptStateBytes: 512 * 2 ** 20 },
    bound: null,
    service: { requestTimeoutMs: undefined },
  })
})
