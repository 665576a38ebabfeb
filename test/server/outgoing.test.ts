/** A server is spoken to, and speaks to nobody: neither process opens a connection, or asks for a name. */
import { readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { scratch } from '../support/scratch.ts'
import { startDyntsServe, type DyntsServer } from './start-dynts-serve.ts'

const preload = pathToFileURL(join(import.meta.dirname, '../support/record-connections.js')).href

interface InternetSocket {
  readonly localPort: number
  readonly remotePort: number
}

/** By the tables of Linux: also what a library in C has opened. */
function internetSockets(pid: number): InternetSocket[] {
  const files = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
    } catch {
      // Closed meanwhile.
      return []
    }
  })
  const own = new Set(files.flatMap((file) => /^socket:\[(\d+)\]$/.exec(file)?.[1] ?? []))
  return ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .flatMap((line) => {
        const [, local = '', remote = '', , , , , , , inode = ''] = line.trim().split(/\s+/)
        const portOf = (address: string) => parseInt(address.split(':')[1] ?? '', 16)
        return own.has(inode) ? [{ localPort: portOf(local), remotePort: portOf(remote) }] : []
      }),
  )
}

/** What a client may ask: all kinds of generations, and all that is looked at. */
async function askEverything({ url }: DyntsServer): Promise<void> {
  const messages = [{ role: 'user', content: generateChainProblem(3, { people: 6 }).question }]
  const schema = { type: 'object', properties: { answer: { type: 'integer' } }, required: ['answer'] }
  const posted: Readonly<Record<string, object>> = {
    '/v1/chat/completions': { messages, stream: true, temperature: 0 },
    '/chat/completions': { messages, response_format: { type: 'json_object', schema }, max_tokens: 60 },
    '/v1/completions': { prompt: 'Ava has http://127.0.0.1:9/ coins.', max_tokens: 20 },
    '/v1/responses': { input: 'Ava has 5 coins.', max_output_tokens: 20 },
    '/v1/chat/completions/input_tokens': { messages },
    '/tokenize': { content: 'https://nowhere.invalid/' },
    '/apply-template': { messages },
  }
  const seen = ['/', '/v1/models', '/v1/models/tiny', '/props', '/slots', '/metrics', '/openapi.json', '/health']
  const all = [
    ...Object.entries(posted).map(([path, body]) => [path, { method: 'POST', body: JSON.stringify(body) }] as const),
    ...seen.map((path) => [path, {}] as const),
  ]
  for (const [path, init] of all) {
    const response = await fetch(url + path, init)
    expect([path, response.status, await response.text()]).toEqual([path, 200, expect.any(String) as string])
  }
}

test('neither process reaches for anything while it serves', async () => {
  const record = join(scratch, 'connections')
  const sign = join(scratch, 'calls-home')
  // What it does once there is the sign must be noticed.
  const policy = join(scratch, 'calls-home.mjs')
  writeFileSync(
    policy,
    `import { existsSync } from 'node:fs'
    import { lookup } from 'node:dns'
    import { connect } from 'node:net'
    export default { name: 'calls-home', create: () => ({ score(candidates) {
      if (existsSync(${JSON.stringify(sign)})) {
        connect(9, '127.0.0.1').on('error', () => undefined)
        lookup('nowhere.invalid', () => undefined)
      }
      return Float32Array.from(candidates)
    } }) }`,
  )
  const settings = ['--policy', policy, '--budget', '150', '--local-window', '24', '--log-level', 'error']
  await using server = await startDyntsServe(settings, {
    NODE_OPTIONS: `--import=${preload}`,
    XDG_RECORDED_CONNECTIONS: record,
  })
  const noted = () => readFileSync(record, 'utf8').trimEnd().split('\n')
  const [pid, engine] = [server.process.pid!, server.enginePid()!]
  await askEverything(server)
  const watched = [`${pid} 0`, `${engine} 0`, `${engine} [1-9]\\d*`]
  for (const thread of watched) expect(noted()).toContainEqual(expect.stringMatching(`^${thread} watched$`))
  expect(noted().filter((line) => !line.endsWith(' watched'))).toEqual([])
  expect(internetSockets(engine)).toEqual([])
  const port = Number(new URL(server.url).port)
  expect(internetSockets(pid).length).toBeGreaterThan(0)
  expect(internetSockets(pid).filter(({ localPort }) => localPort !== port)).toEqual([])
  writeFileSync(sign, '')
  await askEverything(server)
  for (const what of ['connect 127.0.0.1:9', 'lookup nowhere.invalid']) {
    expect(noted()).toContainEqual(expect.stringMatching(`^${engine} [1-9]\\d* ${what}$`))
  }
})
