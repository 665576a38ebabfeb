import { expect, test } from 'vitest'
import { KeyRing, type ApiKey } from './access.ts'
import { createApp } from './app.ts'
import { Log } from './log.ts'
import type { ServerState } from './server-state.ts'

/** The app of a server that has these keys, and whose engine is not needed. */
function appWith(keys: readonly ApiKey[]) {
  const state = {
    settings: { version: '1.2.3', access: { hosts: new Set(['localhost']), origins: new Set(), keys }, hasPage: false },
    keys: new KeyRing(keys),
    metrics: { onHttp: () => undefined, onRejection: () => undefined },
    backend: { state: 'ready' },
    service: { isDraining: false },
  } as unknown as ServerState
  const app = createApp(state, new Log('silent', false, () => undefined))
  return async (method: string, path: string, key?: string) => {
    const headers = { host: 'localhost', ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) }
    const response = await app(new Request(`http://localhost${path}`, { method, headers }), { address: '::1' })
    const { error } = (await response.json()) as { error?: { code: string } }
    return [response.status, error?.code]
  }
}

test.each<[string, string, number, string]>([
  ['GET', '/nothing', 404, 'not_found'],
  ['GET', '/chat/nothing', 404, 'not_found'],
  ['GET', '/v1/completions', 405, 'method_not_allowed'],
  ['DELETE', '/health', 405, 'method_not_allowed'],
  ['POST', '/v1/embeddings', 501, 'not_supported'],
])('%s %s is told to those who have a key: %i', async (method, path, status, code) => {
  const closed = appWith([{ name: 'a', key: 'secret' }])
  expect(await closed(method, path, 'secret')).toEqual([status, code])
  expect(await appWith([])(method, path)).toEqual([status, code])
  expect(await closed(method, path)).toEqual([401, 'invalid_api_key'])
  expect(await closed(method, path, 'wrong')).toEqual([401, 'invalid_api_key'])
})

test('health and the page are open to all', async () => {
  const closed = appWith([{ name: 'a', key: 'secret' }])
  for (const path of ['/health', '/v1/health', '/health?live=1']) {
    expect(await closed('GET', path)).toEqual([200, undefined])
  }
  expect(await closed('GET', '/')).toEqual([404, 'disabled'])
})
