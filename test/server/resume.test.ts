/** Streams with an X-Conversation-Id: they go on without their client, and are read again from any byte on. */
import { request } from 'node:http'
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { scratch } from '../cli/run-dynts.ts'
import { gatedPolicy } from '../support/gated-policy.ts'
import { startDyntsServe, until, type DyntsServer } from './start-dynts-serve.ts'

const keyFile = join(scratch, 'resume-keys')
writeFileSync(keyFile, 'one:first\ntwo:second\n')

const { question, answer } = generateChainProblem(3, { people: 6 })
const asked = { messages: [{ role: 'user', content: question }], temperature: 0, seed: 1, stream: true }

let server: DyntsServer
const gate = gatedPolicy(scratch, 'resumed')
beforeAll(async () => {
  server = await startDyntsServe([
    ...['--api-key-file', keyFile, '--budget', '200', '--local-window', '32', '--parallel', '2'],
    ...['--policy', gate.policy, '--log-level', 'error'],
  ])
})
afterAll(() => server.stop())

const url = (id: string, from?: number | string) =>
  `${server.url}/v1/stream?conv_id=${encodeURIComponent(id)}${from === undefined ? '' : `&from=${encodeURIComponent(from)}`}`

async function begin(id: string, body: object = {}, key = 'first', signal?: AbortSignal): Promise<Response> {
  return await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'x-conversation-id': id },
    body: JSON.stringify({ ...asked, ...body }),
    ...(signal ? { signal } : {}),
  })
}
const get = (id: string, from?: number | string, key = 'first') =>
  fetch(url(id, from), { headers: { 'x-api-key': key } })
const cancel = (id: string, key = 'first') => fetch(url(id), { method: 'DELETE', headers: { 'x-api-key': key } })
const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer())
const codeOf = async (response: Response) =>
  [response.status, ((await response.json()) as { error: { code: string } }).error.code] as const

/** The first bytes of a stream that goes on. */
async function someOf(response: Response, least: number): Promise<Buffer> {
  const reader = response.body!.getReader()
  let bytes = Buffer.alloc(0)
  while (bytes.length < least) bytes = Buffer.concat([bytes, (await reader.read()).value as Uint8Array])
  return bytes
}

async function busySlots(): Promise<number> {
  const response = await fetch(`${server.url}/slots`, { headers: { 'x-api-key': 'first' } })
  return ((await response.json()) as { is_processing: boolean }[]).filter((slot) => slot.is_processing).length
}

test('a stream whose client leaves in its midst goes on, and the rest is read from where the client was', async () => {
  const controller = new AbortController()
  const response = await begin('left', {}, 'first', controller.signal)
  expect(response.headers.get('x-conversation-id')).toBe('left')
  const seen = await someOf(response, 5000)
  await until(() => gate.isReached())
  controller.abort()
  // Two that follow while it still runs, one of them from the beginning.
  const [rest, whole] = [await get('left', seen.length), await get('left')]
  expect([rest.status, rest.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
  expect(await busySlots()).toBe(1)
  gate.open()
  const all = Buffer.concat([seen, await bytesOf(rest)])
  expect(all.toString()).toContain('data: [DONE]')
  expect((await bytesOf(whole)).equals(all)).toBe(true)
  // And after its end, from any byte.
  expect((await bytesOf(await get('left', 77))).equals(all.subarray(77))).toBe(true)
  expect(await bytesOf(await get('left', all.length))).toHaveLength(0)
  // It is the answer that the same request has whole.
  const plain = (await (await begin('plain', { stream: false })).json()) as {
    choices: { message: { content: string; reasoning_content: string } }[]
  }
  const deltas = [...all.toString().matchAll(/^data: (\{.*)$/gm)].map(
    ([, json = '']) => JSON.parse(json) as { choices: { delta: { content?: string; reasoning_content?: string } }[] },
  )
  const joined = (name: 'content' | 'reasoning_content') =>
    deltas.map(({ choices }) => choices[0]?.delta[name] ?? '').join('')
  const { message } = plain.choices[0]!
  expect([joined('content'), joined('reasoning_content')]).toEqual([message.content, message.reasoning_content])
  expect(message.content).toContain(`\\boxed{${answer}}`)
  // Only streams are kept.
  expect((await get('plain')).status).toBe(404)
})

test('it is cancelled by its id, and forgotten', async () => {
  const endless = { temperature: 1.5, max_tokens: 100_000, dynts: { policy: 'question-window' } }
  const response = await begin('cancelled', endless)
  await someOf(response, 500)
  expect(await busySlots()).toBe(1)
  const follower = get('cancelled', 0).then(async (one) => (await one.text()).split('\n\n').at(-2))
  await until(async () => (await busySlots()) === 1)
  expect((await cancel('cancelled')).status).toBe(204)
  await until(async () => (await busySlots()) === 0)
  expect(await follower.catch(() => '"cancelled"')).toContain('"cancelled"')
  expect(await codeOf(await get('cancelled'))).toEqual([404, 'not_found'])
  expect(await codeOf(await cancel('cancelled'))).toEqual([404, 'not_found'])
})

test('it is cancelled before the engine has said a word, and never runs then', async () => {
  const engine = server.enginePid()!
  process.kill(engine, 'SIGSTOP')
  try {
    const first = begin('early', { max_tokens: 50 })
    await until(async () => (await cancel('early')).status === 204)
    expect(await codeOf(await cancel('early'))).toEqual([404, 'not_found'])
    process.kill(engine, 'SIGCONT')
    expect((await first).status).toBe(499)
    expect(await busySlots()).toBe(0)
  } finally {
    process.kill(engine, 'SIGCONT')
  }
  // What is refused leaves nothing behind.
  expect(await codeOf(await begin('refused', { dynts: { budget: 3 } }))).toEqual([400, 'invalid_budget'])
  expect(await codeOf(await get('refused'))).toEqual([404, 'not_found'])
})

test('it ends if nobody reads it for the time that is given, and goes on if somebody does', async () => {
  const endless = { temperature: 1.5, max_tokens: 100_000, dynts: { policy: 'question-window' } }
  const unread = (id: string, seconds: string) =>
    fetch(`${url(id)}&unread_for=${seconds}`, { method: 'DELETE', headers: { 'x-api-key': 'first' } })
  const response = await begin('unread', endless)
  await someOf(response, 500)
  expect((await unread('unread', '0')).status).toBe(204)
  expect(await codeOf(await unread('unread', '1e9'))).toEqual([400, 'invalid_value'])
  expect(await codeOf(await unread('none', '0'))).toEqual([404, 'not_found'])
  // It is being read.
  expect((await get('unread')).status).toBe(200)
  await cancel('unread')
  const controller = new AbortController()
  const left = await begin('left alone', endless).catch(() => undefined)
  expect(left?.status).toBe(400)
  await someOf(await begin('left-alone', endless, 'first', controller.signal), 500)
  controller.abort()
  await until(async () => {
    await unread('left-alone', '0')
    const { status, body } = await get('left-alone')
    // Who looks too early reads it, and has to leave again.
    await body?.cancel()
    return status === 404
  })
  await until(async () => (await busySlots()) === 0)
})

test('the same id again takes the place of the one before', async () => {
  const endless = { temperature: 1.5, max_tokens: 100_000, dynts: { policy: 'question-window' } }
  const first = await begin('again', endless)
  await someOf(first, 500)
  const second = await begin('again', { max_tokens: 5 })
  const text = await second.text()
  expect(text).toContain('data: [DONE]')
  await until(async () => (await busySlots()) === 0)
  expect(await (await get('again')).text()).toBe(text)
})

describe('a request that', () => {
  test('is of another key finds nothing', async () => {
    await (await begin('mine', { max_tokens: 3 })).text()
    expect(await codeOf(await get('mine', 0, 'second'))).toEqual([404, 'not_found'])
    expect(await codeOf(await cancel('mine', 'second'))).toEqual([404, 'not_found'])
    expect((await fetch(url('mine'))).status).toBe(401)
    expect((await get('mine')).status).toBe(200)
    const other = await begin('mine', { max_tokens: 3 }, 'second')
    expect(other.status).toBe(200)
    expect(await other.text()).not.toBe(await (await get('mine')).text())
  })

  test.each(['-1', '1.5', '1e2', 'NaN', '999999999', '0x1', '1;2', '٣', '0 ', '9'.repeat(400)])(
    'asks from %s is refused',
    async (from) => {
      await (await begin('offsets', { max_tokens: 3 })).text()
      expect(await codeOf(await get('offsets', from))).toEqual([400, 'invalid_value'])
    },
  )

  test('names no id, or a wrong one, is refused', async () => {
    const without = await fetch(`${server.url}/v1/stream`, { headers: { 'x-api-key': 'first' } })
    expect(await codeOf(without)).toEqual([400, 'missing_field'])
    for (const id of ['', ' ', 'x'.repeat(129), 'é', '\u0000']) {
      expect(await codeOf(await get(id))).toEqual([400, 'invalid_value'])
    }
    for (const id of ['x'.repeat(129), 'a b', 'é'])
      expect(await codeOf(await begin(id))).toEqual([400, 'invalid_value'])
    expect((await get('../../etc/passwd')).status).toBe(404)
  })

  test('has another method is told which there are', async () => {
    const response = await fetch(url('mine'), { method: 'PUT', headers: { 'x-api-key': 'first' } })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, DELETE'])
    const head = await fetch(url('mine'), { method: 'HEAD', headers: { 'x-api-key': 'first' } })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })
})

test('of a client that left without reading anything the answer is there', async () => {
  const body = JSON.stringify({ ...asked, max_tokens: 20 })
  const sent = request(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'x-api-key': 'first', 'x-conversation-id': 'gone', 'content-length': Buffer.byteLength(body) },
  })
  sent.on('error', () => undefined)
  sent.end(body)
  const found = await until(async () => {
    const response = await get('gone')
    return response.status === 200 && response
  })
  sent.destroy()
  expect(await found.text()).toContain('data: [DONE]')
})
