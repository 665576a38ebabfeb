import { describe, expect, test } from 'vitest'
import { InputError } from '../../errors.ts'
import type { PlanReply } from '../../engine/protocol.ts'
import { KeyRing } from '../access.ts'
import { createApp } from '../app.ts'
import { ScriptedEngine } from '../scripted-engine.fake.ts'
import { Log } from '../log.ts'
import { ResumableStreams } from '../resumable-streams.ts'
import type { ServerState } from '../server-state.ts'
import { GenerationService } from '../service.ts'

/** A server whose engine is being started again, and who asks it for a stream. */
function restarting(pingMs: number) {
  const engine = new ScriptedEngine()
  engine.state = 'restarting'
  engine.replies.plan = { promptTokens: 3, tokens: Int32Array.of(1, 2, 3), cells: 9 } as PlanReply
  const service = new GenerationService(engine, { slots: 1, mostWaiting: 4, queueTimeoutMs: 60_000 })
  const defaults = { maxTokens: 6, sampling: {}, policy: 'full', policyOptions: {}, policies: new Map(), slots: 1 }
  const state = {
    settings: {
      ...{ version: '1.2.3', aliases: ['a'], mostBodyBytes: 1000, pingMs, defaults, template: {}, digest: '' },
      access: { hosts: new Set(['localhost']), origins: new Set(), keys: [] },
      answers: { model: 'a', tags: { open: '<think>', close: '</think>' }, reasoningField: 'reasoning_content' },
    },
    located: { info: { trainedContext: 100 } },
    backend: Object.assign(engine, { facts: { cells: 100, release: 'v0' }, progress: 1 }),
    ...{ service, keys: new KeyRing([]), streams: new ResumableStreams() },
    metrics: { onHttp: () => undefined, onRejection: () => undefined },
  } as unknown as ServerState
  const app = createApp(state, new Log('silent', false, () => undefined))
  const ask = (headers: Record<string, string> = {}) => {
    const body = JSON.stringify({ messages: [{ role: 'user', content: 'a' }], stream: true })
    const request = new Request('http://localhost/v1/chat/completions', {
      ...{ method: 'POST', body },
      headers: { host: 'localhost', ...headers },
    })
    return app(request, { address: '::1' })
  }
  return { engine, service, ask }
}

describe.each([0, 60_000])('a stream that waits for an engine that is started again (ping %d)', (pingMs) => {
  test.each([{}, { 'x-conversation-id': 'b' }])('has its headers at once, and its text later: %j', async (headers) => {
    const { engine, service, ask } = restarting(pingMs)
    const response = await ask(headers)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    expect([engine.asked, service.waiting.length]).toEqual([[], 1])
    engine.state = 'ready'
    const reader = response.body!.getReader()
    const first = await reader.read()
    expect(new TextDecoder().decode(first.value as Uint8Array)).toMatch(/^data: \{.*"role":"assistant".*\}\n\n$/)
    expect([engine.asked, engine.running.size]).toEqual([['plan'], 1])
  })

  test('is told in it what turns out to be wrong', async () => {
    const { engine, ask } = restarting(pingMs)
    engine.replies.plan = new InputError('chat_template', 'the template refuses it')
    const response = await ask()
    engine.state = 'ready'
    expect(await response.text()).toMatch(/\n\ndata: \{"error":\{"message":"the template refuses it".*\}\}\n\n$/)
  })
})

test('who asks an engine that is there is told by the status what is wrong', async () => {
  const { engine, ask } = restarting(60_000)
  engine.state = 'ready'
  engine.replies.plan = new InputError('chat_template', 'the template refuses it')
  expect((await ask()).status).toBe(400)
})
