import { expect, test } from 'vitest'
import { KeyRing } from './access.ts'
import { createApp } from './app.ts'
import { Log } from './log.ts'
import type { ServerState } from './server-state.ts'

const keys = [{ name: 'desk', key: 'secret' }]
const state = {
  settings: { access: { hosts: new Set(['localhost']), origins: new Set(), keys }, version: '0', hasSlots: false },
  keys: new KeyRing(keys),
  metrics: { onHttp: () => undefined, onRejection: () => undefined },
} as unknown as ServerState

test('each request that is refused leaves a line with who asked, for what, and what it was told', async () => {
  const lines: Record<string, unknown>[] = []
  const log = new Log('info', false, (line) => lines.push(JSON.parse(line) as Record<string, unknown>))
  const app = createApp(state, log)
  const ask = async (path: string, headers: Record<string, string> = {}, signal?: AbortSignal) => {
    const request = new Request(`http://localhost${path}`, {
      headers: { host: 'localhost', 'x-request-id': 'mine', ...headers },
      ...(signal && { signal }),
    })
    return (await app(request, { address: '192.0.2.1' })).status
  }
  const key = { authorization: 'Bearer secret' }
  expect([await ask('/slots'), await ask('/slots', key), await ask('/slots', { host: 'other' })]).toEqual([
    401, 404, 403,
  ])
  const common = { level: 'info', msg: 'refused', request: 'mine', method: 'GET' }
  expect(lines).toMatchObject([
    { ...common, client: '192.0.2.1', path: '/slots', status: 401, code: 'invalid_api_key' },
    { ...common, client: 'desk', path: '/slots', status: 404, code: 'disabled' },
    { ...common, client: '192.0.2.1', path: 'unknown', status: 403, code: 'host_not_allowed' },
  ])
  // Nobody was told anything.
  await ask('/slots', key, AbortSignal.abort())
  expect(lines).toHaveLength(3)
})
