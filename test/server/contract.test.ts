/** What holds of each chat completion, whole or in pieces, whatever was asked and whatever else runs: over random requests. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mulberry32 } from '../../src/mulberry32.ts'
import { answerForm, randomRequest, stuckRequest, type RandomRequest } from './random-requests.ts'
import {
  readStream,
  readWhole,
  type Entry,
  type Failure,
  type ReadChoice,
  type ReadCompletion,
} from './read-completion.ts'
import { startDyntsServe, type DyntsServer } from './start-dynts-serve.ts'

let server: DyntsServer
let closeTag: number
beforeAll(async () => {
  server = await startDyntsServe([
    '--parallel',
    '4',
    '--budget',
    '160',
    '--cells',
    '256',
    '--kv-type',
    'f32',
    '--log-level',
    'error',
  ])
  closeTag = (await tokensOf('</think>'))[0]!
})
afterAll(() => server.stop())

async function post(path: string, body: object): Promise<{ status: number; text: string }> {
  const response = await fetch(server.url + path, { method: 'POST', body: JSON.stringify(body) })
  return { status: response.status, text: await response.text() }
}

async function tokensOf(content: string): Promise<number[]> {
  return (JSON.parse((await post('/tokenize', { content })).text) as { tokens: number[] }).tokens
}

async function textOf(tokens: readonly number[]): Promise<string> {
  if (tokens.length === 0) return ''
  return (JSON.parse((await post('/detokenize', { tokens })).text) as { content: string }).content
}

type Told = ReadCompletion | Failure
const hasFailed = (told: Told): told is Failure => 'code' in told

async function whole(request: RandomRequest): Promise<Told> {
  const { status, text } = await post('/v1/chat/completions', request)
  const told = readWhole(text)
  expect(status, text).toBe(hasFailed(told) ? 500 : 200)
  return told
}

async function inPieces(request: RandomRequest, withUsage: boolean): Promise<Told> {
  const options = withUsage ? { stream_options: { include_usage: true } } : {}
  const { status, text } = await post('/v1/chat/completions', { ...request, ...options, stream: true })
  expect(status, text).toBe(200)
  const told = readStream(text, request.n ?? 1)
  if (!hasFailed(told)) expect(told.usage !== undefined).toBe(withUsage)
  return told
}

const end = '<|endoftext|>'

/** Thinking and answer of what was generated, by its text alone; undefined where it needs more than that to tell. */
function partsOf(
  text: string,
  { stop = [] }: RandomRequest,
  isClosed: boolean,
): { thinking: string; answer: string } | undefined {
  const said = text.replace(end, '').split('</think>')
  const [thinking = '', answer, ...more] = isClosed ? ['', ...said] : said
  if (more.length > 0 || /<think>|<\||\ufffd/.test(text.replace(end, '')) || /<[/a-z]*$/.test(text)) return undefined
  const places = stop.map((one) => answer?.indexOf(one) ?? -1).filter((at) => at >= 0)
  return { thinking: thinking.trim(), answer: answer?.slice(0, Math.min(...places, answer.length)).trim() ?? '' }
}

/** @param isClosed whether the prompt has closed the thinking already @returns whether its texts could be told by themselves */
async function checkChoice(
  request: RandomRequest,
  choice: ReadChoice,
  cache: ReadCompletion['caches'][number],
  isClosed: boolean,
): Promise<boolean> {
  const { ids, content, finish, logprobs } = choice
  const text = await textOf(ids)
  const isEnded = text.endsWith(end)
  expect(finish).toBe(isEnded || cache.stop_text !== null ? 'stop' : 'length')
  if (finish === 'length') expect(ids).toHaveLength(request.max_tokens)
  else expect(ids.length).toBeLessThanOrEqual(request.max_tokens)
  if (cache.stop_text !== null) expect(request.stop).toContain(cache.stop_text)
  if (request.logprobs !== true) expect(logprobs).toBeNull()
  const parts = partsOf(text, request, isClosed)
  if (!parts) return false
  const { thinking, answer } = parts
  if (request.reasoning_format === 'none') {
    expect(choice.thinking).toBeUndefined()
    for (const part of [thinking, answer]) expect(content).toContain(part)
    expect(content.includes('</think>')).toBe(text.includes('</think>'))
  } else {
    expect([choice.thinking ?? '', content]).toEqual([request.include_reasoning === false ? '' : thinking, answer])
    expect(choice.thinking).not.toBe('')
  }
  if (request.response_format && finish === 'stop' && cache.stop_text === null) {
    const value = JSON.parse(answer) as Record<string, unknown>
    expect(Object.keys(value)).toEqual(answerForm.required)
    expect(value['answer']).toBeTypeOf('number')
  }
  if (!logprobs) return true
  // Each token once: those of the thinking, tags, those of the answer, the end.
  const { reasoning, content: answered } = logprobs
  expect(ids.slice(0, reasoning.length)).toEqual(reasoning.map(({ id }) => id))
  const rest = ids.slice(reasoning.length)
  const bytesOf = (entries: typeof reasoning) => Buffer.from(entries.flatMap(({ bytes }) => bytes)).toString('utf8')
  expect(bytesOf(reasoning).trim()).toBe(thinking)
  if (cache.stop_text !== null) {
    // Tokens of which a stop text has taken all are not told.
    expect(`,${rest.slice(Math.max(0, rest.indexOf(closeTag))).join()},`).toContain(
      `,${answered.map(({ id }) => id).join()}`,
    )
    return true
  }
  const start = rest.length - answered.length - (isEnded ? 1 : 0)
  expect(rest.slice(start, start + answered.length)).toEqual(answered.map(({ id }) => id))
  expect(bytesOf(answered).trim()).toBe(answer)
  const tags = await textOf(rest.slice(0, start))
  expect(tags.trim()).toBe(text.includes('</think>') ? '</think>' : '')
  if (cache.thinking_closed === 'model') expect(tags).toBe('</think>')
  return true
}

async function checkTold(request: RandomRequest, told: ReadCompletion): Promise<boolean> {
  const { choices, caches, usage, promptIds } = told
  expect(choices).toHaveLength(request.n ?? 1)
  expect(caches).toHaveLength(choices.length)
  const isClosed = promptIds.includes(closeTag)
  const areTold = await Promise.all(choices.map((choice, i) => checkChoice(request, choice, caches[i]!, isClosed)))
  const isTold = areTold.every((one) => one)
  if (usage) {
    const completion = choices.reduce((sum, { ids }) => sum + ids.length, 0)
    expect(usage).toMatchObject({
      prompt_tokens: promptIds.length,
      completion_tokens: completion,
      total_tokens: promptIds.length + completion,
    })
    expect(usage.prompt_tokens_details.cached_tokens).toBeLessThan(promptIds.length)
    const thought = choices.reduce((sum, { logprobs }) => sum + (logprobs?.reasoning.length ?? 0), 0)
    const { reasoning_tokens: reasoning } = usage.completion_tokens_details
    if (request.logprobs && isTold) expect(reasoning).toBe(thought)
    else expect(reasoning).toBeLessThanOrEqual(completion)
  }
  return isTold
}

test('of 200 random requests, several at a time', async () => {
  const random = mulberry32(20_261_129)
  const [only] = await tokensOf('s')
  const requests = Array.from({ length: 200 }, (_, i) => ({
    request: i % 25 === 24 ? stuckRequest(random, 768, only!) : randomRequest(random, 3),
    isStream: random() < 0.6,
    withUsage: random() < 0.5,
  }))
  const told: { readonly asked: (typeof requests)[number]; readonly answer: Told }[] = []
  const queue = requests.values()
  const client = async () => {
    for (const asked of queue) {
      const { request, isStream, withUsage } = asked
      told.push({ asked, answer: isStream ? await inPieces(request, withUsage) : await whole(request) })
    }
  }
  await Promise.all(Array.from({ length: 6 }, client))
  const answers = told.flatMap(({ answer }) => (hasFailed(answer) ? [] : [answer.id]))
  expect(answers).toHaveLength(192)
  expect(new Set(answers).size).toBe(192)
  let parted = 0
  for (const { asked, answer } of told) {
    const { request } = asked
    try {
      expect(hasFailed(answer)).toBe('logit_bias' in request)
      if (hasFailed(answer)) {
        expect(answer).toMatchObject({ type: 'server_error', code: 'constraint_stuck', param: null })
      } else if (await checkTold(request, answer)) parted++
    } catch (error) {
      throw new Error(JSON.stringify(asked), { cause: error })
    }
  }
  const evictions = told.flatMap(({ answer }) => (hasFailed(answer) ? [] : answer.caches.map((one) => one.evictions)))
  expect(evictions.filter((count) => count > 0).length).toBeGreaterThan(8)
  // That a text of the others cannot be parted by itself is rare.
  expect(parted).toBeGreaterThan(150)
})

test('alone, an answer is the same whole and in pieces', async () => {
  const random = mulberry32(20_261_130)
  for (let i = 0; i < 24; i++) {
    const request = { ...randomRequest(random, 1), cache_prompt: false }
    const told = await whole(request)
    const pieces = await inPieces(request, true)
    if (hasFailed(told) || hasFailed(pieces)) throw new Error(JSON.stringify([request, told, pieces]))
    const [a, b] = [told, pieces].map(({ choices, ...rest }) => ({
      ...{ ...rest, id: '', choices: choices.map((choice) => ({ ...choice, logprobs: null })) },
      odds: choices.flatMap(({ logprobs }) => [...(logprobs?.reasoning ?? []), ...(logprobs?.content ?? [])]),
    })) as [object, { odds: Entry[] }]
    // Other cells may round otherwise, and little by little more so.
    const odds = b.odds.map(({ logprob, ...entry }) => {
      return { ...entry, logprob: expect.closeTo(logprob, 1) as number, top_logprobs: expect.anything() as object }
    })
    expect(a).toEqual({ ...b, odds })
    expect(told.id).not.toBe(pieces.id)
  }
})
