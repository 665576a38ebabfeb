/**
 * `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, with a real proxy: what of the command line goes through it.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { tinyF16 } from '../oracle.ts'
import { FakeHub } from '../support/hub-server.ts'
import { FakeProxy } from '../support/proxy-server.ts'
import { freePort } from '../support/redis-server.ts'
import { dynts, refusal, scratch, shortProblem, type Finished } from './run-dynts.ts'

const patience = { timeout: 120_000 }
const questions = join(scratch, 'proxy-questions.jsonl')
writeFileSync(questions, JSON.stringify(shortProblem))

let hub: FakeHub
let proxy: FakeProxy
/** Is spoken to in TLS, and says nothing that is TLS. */
let noTls: Server
beforeAll(async () => {
  hub = await FakeHub.start()
  hub.repos.set('user/files', { commit: 'c0ffee00'.repeat(5), files: { 'tiny-F16.gguf': readFileSync(tinyF16) } })
  proxy = await FakeProxy.start()
  noTls = createServer((socket) => socket.on('error', () => undefined).end('no')).listen(0, '127.0.0.1')
})
afterAll(async () => {
  await hub.stop()
  await proxy.stop()
  noTls.close()
})
beforeEach(() => {
  hub.log.length = 0
  proxy.log.length = 0
})

const pull = (env: Readonly<Record<string, string>>): Promise<Finished> =>
  dynts(['models', 'pull', 'user/files'], {
    env: { HF_ENDPOINT: hub.url, HF_HUB_CACHE: mkdtempSync(join(scratch, 'proxied-')), ...env },
    timeoutMs: patience.timeout,
  })

describe('downloads', patience, () => {
  test.each(['HTTP_PROXY', 'http_proxy'])('go through %s, the redirected part too', async (name) => {
    expect(await pull({ [name]: proxy.url })).toMatchObject({ code: 0 })
    const [first] = proxy.log
    expect(first).toMatch(`GET ${hub.url}/api/models/user/files/revision/main`)
    expect(proxy.log).toHaveLength(hub.log.length)
    // The content's host is another.
    expect(proxy.log.filter((line) => !line.includes(hub.url))).toHaveLength(1)
  })

  test.each(['127.0.0.1', '*', 'example.org, 127.0.0.1'])('go directly with NO_PROXY=%s', async (hosts) => {
    expect(await pull({ HTTP_PROXY: proxy.url, NO_PROXY: hosts })).toMatchObject({ code: 0 })
    expect(hub.log.length).toBeGreaterThan(0)
    expect(proxy.log).toEqual([])
  })

  test('from https:// ask the proxy for a tunnel', async () => {
    const { port } = noTls.address() as AddressInfo
    const { code, stdout, stderr } = await pull({
      HF_ENDPOINT: `https://127.0.0.1:${port}`,
      HTTPS_PROXY: proxy.url,
    })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^dynts: https:\/\/127\.0\.0\.1:\d+ cannot be reached \([^\n]+\n$/)
    expect(new Set(proxy.log)).toEqual(new Set([`CONNECT 127.0.0.1:${port}`]))
  })

  test('through a proxy that is down end in one line that names it', async () => {
    const down = `127.0.0.1:${await freePort()}`
    const { code, stdout, stderr } = await pull({ HTTP_PROXY: down })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^dynts: [^\n]+ cannot be reached [^\n]+\n$/)
    expect(stderr).toContain(`connect ECONNREFUSED ${down}`)
    expect(hub.log).toEqual([])
  })

  test('through a proxy whose address is none are refused', async () => {
    expect(refusal(await pull({ HTTPS_PROXY: 'socks5://user:secret@host:1' }))).toMatch(
      /^HTTPS_PROXY must be http:\/\/HOST:PORT(?!.*secret)/,
    )
  })
})

test('dynts trace --endpoint goes through the proxy', patience, async () => {
  const endpoint = `http://127.0.0.1:${await freePort()}/v1`
  const args = ['trace', '--model', 'tiny', '--questions', questions, '--endpoint', endpoint, '--retries', '0']
  const finished = await dynts(args, { env: { HTTP_PROXY: proxy.url }, timeoutMs: patience.timeout })
  expect(finished).toMatchObject({ code: 1, stdout: '' })
  expect(proxy.log).toEqual([`GET ${endpoint}/models`])
})
