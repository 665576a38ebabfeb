/** A server whose engine dies, hangs or is full, whose clients leave, and that is stopped. */
import { execFileSync, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import OpenAI from 'openai'
import { expect, test } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { dynts, scratch } from '../cli/run-dynts.ts'
import { gatedPolicy } from '../support/gated-policy.ts'
import { smallModel, smallTensors, writeGguf } from '../support/gguf-writer.ts'
import { isAlive, startDyntsServe, until, type DyntsServer } from './start-dynts-serve.ts'

const keyFile = join(scratch, 'keys')
writeFileSync(keyFile, '# clients\none\nb:two # of another\n')

const question = generateChainProblem(3, { people: 9 }).question
const messages = [{ role: 'user' as const, content: question }]
const bounded = ['--budget', '200', '--local-window', '32', '--log-level', 'error']

function clientOf({ url }: DyntsServer, options: { apiKey?: string; maxRetries?: number } = {}): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0, ...options })
}

async function healthOf({ url }: DyntsServer): Promise<number> {
  return (await fetch(`${url}/health`)).status
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function busySlots({ url }: DyntsServer): Promise<number> {
  const slots = (await (await fetch(`${url}/slots`)).json()) as { is_processing: boolean }[]
  return slots.filter(({ is_processing }) => is_processing).length
}

test('the engine process takes no message that it does not know', async () => {
  const engine = fork(new URL('../../dist/server/engine-host.js', import.meta.url), {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let said = ''
  engine.stderr!.setEncoding('utf8').on('data', (text: string) => (said += text))
  engine.send({ type: 'nonsense' })
  const code = await new Promise((resolve) => engine.once('close', resolve))
  expect([code, said]).toEqual([1, expect.stringContaining('"nonsense"')])
})

test.concurrent(
  'an engine that is killed is started again: an answer that nobody has seen yet comes anyway, a stream ends with an error',
  async () => {
    const gate = gatedPolicy(scratch, 'killed')
    await using server = await startDyntsServe([...bounded, '--parallel', '2', '--policy', gate.policy])
    const client = clientOf(server)
    const asked = { model: 'any', messages, temperature: 0 }
    const whole = client.chat.completions.create(asked)
    const seen: string[] = []
    const pieces = (async () => {
      for await (const { choices } of await client.chat.completions.create({ ...asked, stream: true })) {
        seen.push(choices[0]?.delta.content ?? '')
      }
    })()
    pieces.catch(() => undefined)
    await until(() => gate.isReached() && seen.length > 50)
    const first = server.enginePid()!
    process.kill(first, 'SIGKILL')
    await expect(pieces).rejects.toThrow(/engine ended/)
    gate.open()
    await until(async () => (await healthOf(server)) === 200)
    expect((await whole).choices[0]!.message.content).toContain('boxed')
    expect(server.enginePid()).not.toBe(first)
    const again = await client.chat.completions.create(asked)
    expect(again.choices[0]!.message.content).toBe((await whole).choices[0]!.message.content)
    expect(isAlive(first)).toBe(false)
  },
)

test.concurrent(
  'while an engine is started again requests wait in the queue, and are not left without a sign',
  async () => {
    const queue = ['--parallel', '1', '--max-queue', '1', '--ping-interval', '0.1']
    await using server = await startDyntsServe([...bounded, ...queue, '--policy', 'question-window'])
    // After each death it waits for longer: for two seconds after the fourth.
    for (let death = 1; death <= 4; death++) {
      process.kill(server.enginePid()!, 'SIGKILL')
      await until(async () => (await healthOf(server)) === 503)
      if (death < 4) await until(async () => (await healthOf(server)) === 200)
    }
    const ask = async (more: object) =>
      await fetch(`${server.url}/v1/chat/completions`, {
        method: 'POST',
        body: JSON.stringify({ messages, temperature: 0, ...more }),
      })
    const stream = await ask({ stream: true })
    const whole = await ask({})
    expect([stream.status, whole.status, (await ask({})).status]).toEqual([200, 200, 429])
    expect(await healthOf(server)).toBe(503)
    const text = await stream.text()
    expect(text).toMatch(/^: ping\n\n[^]*data: \[DONE\]\n\n$/)
    expect(await whole.json()).toMatchObject({ choices: [{ finish_reason: 'stop' }] })
  },
)

test.concurrent('an engine that hangs is killed and started again', async () => {
  const gate = gatedPolicy(scratch, 'hangs')
  await using server = await startDyntsServe([...bounded, '--policy', gate.policy, '--stall-timeout', '6'])
  const first = server.enginePid()!
  const pieces = clientOf(server).chat.completions.create({ model: 'any', messages, temperature: 0 })
  pieces.catch(() => undefined)
  await until(() => gate.isReached())
  await until(() => !isAlive(first))
  gate.open()
  expect((await pieces).choices[0]!.message.content).toContain('boxed')
  expect(server.stderr()).toContain('"reason":"stall"')
})

test.concurrent('an engine that hangs before a generation has begun is killed and started again', async () => {
  const policy = join(scratch, 'hangs-early.mjs')
  const hangs = join(scratch, 'hangs-early')
  const writePolicy = (comment: string) =>
    writeFileSync(
      policy,
      `// ${comment}
      import { existsSync } from 'node:fs'
      import { isMainThread } from 'node:worker_threads'
      if (!isMainThread && existsSync(${JSON.stringify(hangs)})) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
      }
      export default { name: 'hangs-early', create: () => ({ score: (candidates) => Float32Array.from(candidates) }) }`,
    )
  writePolicy('as it was')
  await using server = await startDyntsServe([...bounded, '--policy', policy, '--stall-timeout', '6'])
  const first = server.enginePid()!
  const ask = () => clientOf(server).chat.completions.create({ model: 'any', messages, temperature: 0 })
  const before = await ask()
  writeFileSync(hangs, '')
  // What has changed is run again.
  writePolicy('as it is now')
  const asked = ask()
  await until(() => !isAlive(first))
  rmSync(hangs)
  expect((await asked).choices[0]!.message.content).toBe(before.choices[0]!.message.content)
  expect(server.stderr()).toContain('"reason":"stall"')
})

test.concurrent('a thinking is ended from outside, and the answer follows', async () => {
  const gate = gatedPolicy(scratch, 'ended')
  await using server = await startDyntsServe([...bounded, '--policy', gate.policy])
  const { url } = server
  const control = async (body: object) => {
    const response = await fetch(`${url}/v1/chat/completions/control`, { method: 'POST', body: JSON.stringify(body) })
    return (await response.json()) as { success: boolean }
  }
  const pieces = await clientOf(server).chat.completions.create({
    model: 'any',
    messages,
    temperature: 0,
    stream: true,
  })
  let [id, answer] = ['', '']
  let last: unknown
  const reading = (async () => {
    for await (const chunk of pieces) {
      id = chunk.id
      answer += chunk.choices[0]?.delta.content ?? ''
      last = chunk
    }
  })()
  await until(() => gate.isReached() && id !== '')
  expect(await control({ id, action: 'end_thinking' })).toEqual({ success: true })
  // Nor is a part of an id one: who does not know it reaches nothing.
  for (const other of ['chatcmpl-other', 'chatcmpl', 'chatcmpl-', '', id.slice(0, -1)]) {
    expect((await control({ id: other, action: 'cancel' })).success).toBe(false)
  }
  gate.open()
  await reading
  expect(answer.length).toBeGreaterThan(0)
  expect(last).toMatchObject({ dynts: { thinking_closed: 'client' } })
  expect((await control({ id, action: 'end_thinking' })).success).toBe(false)
})

test.concurrent('those who come to a full queue are told when to come again', async () => {
  const gate = gatedPolicy(scratch, 'full')
  await using server = await startDyntsServe([
    ...bounded,
    '--parallel',
    '1',
    '--max-queue',
    '2',
    '--policy',
    gate.policy,
  ])
  const client = clientOf(server)
  const asked = { model: 'any', messages, temperature: 0 }
  const running = client.chat.completions.create(asked)
  await until(() => gate.isReached())
  const waiting = [client.chat.completions.create(asked), client.chat.completions.create(asked)]
  gate.open()
  // The engine's thread stood still until now, and with it the check of what waits.
  const all = await Promise.allSettled([running, ...waiting])
  expect(all.every(({ status }) => status === 'fulfilled')).toBe(true)
  const many = await Promise.allSettled(Array.from({ length: 12 }, () => client.chat.completions.create(asked)))
  const refused = many.flatMap((one) =>
    one.status === 'rejected' ? [one.reason as InstanceType<typeof OpenAI.APIError>] : [],
  )
  expect(refused.length).toBeGreaterThan(0)
  for (const { status, code, headers } of refused) {
    expect([status, code]).toEqual([429, 'queue_full'])
    expect(Number(headers?.get('retry-after'))).toBeGreaterThanOrEqual(1)
  }
  const patient = clientOf(server, { maxRetries: 8 })
  await Promise.all(Array.from({ length: 6 }, () => patient.chat.completions.create(asked)))
})

test.concurrent('with keys, none gets in without one', async () => {
  await using server = await startDyntsServe([...bounded], { DYNTS_API_KEY: 'secret' })
  const asked = { model: 'any', messages, temperature: 0, max_tokens: 5 }
  await expect(clientOf(server, { apiKey: 'wrong' }).chat.completions.create(asked)).rejects.toThrow(
    OpenAI.AuthenticationError,
  )
  expect((await clientOf(server, { apiKey: 'secret' }).chat.completions.create(asked)).usage?.completion_tokens).toBe(5)
  expect((await fetch(`${server.url}/slots`)).status).toBe(401)
  expect(await healthOf(server)).toBe(200)
})

test.concurrent('nobody is told by a copied prompt what another has asked, unless it is meant so', async () => {
  const cached = async (args: readonly string[]) => {
    await using server = await startDyntsServe([...bounded, ...args], { DYNTS_API_KEY_FILE: keyFile })
    const asked = { model: 'any', messages, temperature: 0, max_tokens: 5 }
    const counts: (number | undefined)[] = []
    for (const apiKey of ['one', 'one', 'two']) {
      const { usage } = await clientOf(server, { apiKey }).chat.completions.create(asked)
      counts.push(usage?.prompt_tokens_details?.cached_tokens)
    }
    return counts.map((count) => (count ?? 0) > 0)
  }
  expect(await cached([])).toEqual([false, true, false])
  expect(await cached(['--share-prompts'])).toEqual([false, true, true])
})

test.concurrent('what an operator sets for requests that say nothing', async () => {
  const set = [
    '--system',
    'You count coins.',
    '--effort-budgets',
    'low=8,high=4096',
    '--log-prompts',
    '--log-level',
    'info',
  ]
  await using server = await startDyntsServe([...bounded, ...set, '--policy', 'question-window'])
  const { chat } = clientOf(server)
  const ask = { model: 'any', messages, temperature: 0 } as const
  const low = await chat.completions.create({ ...ask, reasoning_effort: 'low' })
  expect(low.usage?.completion_tokens_details?.reasoning_tokens).toBeLessThanOrEqual(8)
  const high = await chat.completions.create({ ...ask, reasoning_effort: 'high' })
  expect(high.usage?.completion_tokens_details?.reasoning_tokens).toBeGreaterThan(8)
  // The embedded model's template leaves system messages out.
  await until(() => server.stderr().includes('"answered"'))
  expect(server.stderr()).toContain('You count coins.')
})

test.concurrent('a generation that takes too long ends as at its most tokens', async () => {
  const gate = gatedPolicy(scratch, 'slow')
  await using server = await startDyntsServe([...bounded, '--policy', gate.policy, '--request-timeout', '8'])
  const asked = clientOf(server).chat.completions.create({ model: 'any', messages, temperature: 0 })
  await until(gate.isReached)
  await sleep(8200)
  gate.open()
  const { choices, usage } = await asked
  expect(choices[0]!.finish_reason).toBe('length')
  expect(usage?.completion_tokens).toBeGreaterThan(1)
})

test.concurrent('a server answers at each of its addresses, and under no other name of this machine', async () => {
  await using server = await startDyntsServe([...bounded, '--host', '127.0.0.1,127.0.0.2'])
  const [, other = ''] = / at http:\S+, (http:\/\/127\.0\.0\.2:\d+) \(/.exec(server.stdout()) ?? []
  expect((await fetch(`${other}/health`)).status).toBe(200)
  const { port } = new URL(server.url)
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path: '/health', headers: { host: 'rebound.example' } },
      (response) => {
        response.resume()
        resolve(response.statusCode)
      },
    )
    asked.on('error', reject).end()
  })
  expect(status).toBe(403)
})

test.concurrent('a stopped server lets what runs come to its end, and leaves no engine behind', async () => {
  await using server = await startDyntsServe([...bounded, '--parallel', '1', '--policy', 'question-window'])
  const engine = server.enginePid()!
  const running = clientOf(server).chat.completions.create({ model: 'any', messages, temperature: 0 })
  await until(async () => (await busySlots(server)) === 1)
  server.process.kill('SIGTERM')
  expect((await running).choices[0]!.finish_reason).toBe('stop')
  expect(await server.exited).toBe(0)
  expect(isAlive(engine)).toBe(false)
})

test.concurrent(
  'what still runs when --drain-timeout is over ends with an error; --force has let it start',
  async () => {
    const gate = gatedPolicy(scratch, 'drained')
    const limits = ['--drain-timeout', '0.2', '--memory', '10MB', '--force']
    await using server = await startDyntsServe([...bounded, ...limits, '--policy', gate.policy])
    expect(server.stdout()).toMatch(/of 9\.5 MiB that it may take$/m)
    const { completions } = clientOf(server).chat
    const asked = { model: 'any', messages, temperature: 0 }
    const whole = completions.create(asked)
    const told = expect(whole).rejects.toMatchObject({ status: 503, code: 'draining' })
    const chunks: unknown[] = []
    const pieces = (async () => {
      for await (const chunk of await completions.create({ ...asked, stream: true })) chunks.push(chunk)
    })()
    const cut = expect(pieces).rejects.toThrow(/about to stop/)
    await until(gate.isReached)
    server.process.kill('SIGTERM')
    await Promise.all([told, cut])
    expect(await server.exited).toBe(0)
  },
)

test.concurrent('a server that is stopped while its model is loaded never served, and has not failed', async () => {
  const port = await freePort()
  const { code, stdout } = await dynts(['serve', '--port', `${port}`, '--gpu', 'off', ...bounded], {
    onStart: (child) => {
      const isLoading = async () => {
        const { status } = await fetch(`http://127.0.0.1:${port}/health`).catch(() => ({ status: 0 }))
        return status === 503
      }
      void until(isLoading).then(() => child.kill('SIGTERM'))
    },
  })
  expect([code, stdout]).toEqual([0, ''])
})

test.concurrent('a model that llama.cpp cannot load is no wrong option', async () => {
  writeFileSync(join(scratch, 'no-weights.gguf'), writeGguf(smallModel(), smallTensors))
  const { code, stdout, stderr } = await dynts(['serve', '--port', '0', '--model', 'no-weights.gguf', '--gpu', 'off'])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^dynts: llama\.cpp cannot load .*$/m)
})

/** Processes that have this in the environment with which they were started, and have not ended. */
function processesWith(variable: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/environ`, 'utf8').includes(variable)
        ? [Number(name)]
        : []
    } catch {
      // It has ended meanwhile, or is somebody else's.
      return []
    }
  })
}

/** A policy in which the engine's thread waits for the operating system, as in a long step of llama.cpp, from which nothing wakes it. */
function stuckPolicy(name: string) {
  const file = (ending: string) => join(scratch, `stuck-${name}.${ending}`)
  const [policy, pipe, reached] = [file('mjs'), file('pipe'), file('reached')]
  execFileSync('mkfifo', [pipe])
  writeFileSync(
    policy,
    `import { readFileSync, writeFileSync } from 'node:fs'
    export default { name: 'stuck', create: () => ({ score(candidates) {
      writeFileSync(${JSON.stringify(reached)}, '')
      readFileSync(${JSON.stringify(pipe)})
      return Float32Array.from(candidates)
    } }) }`,
  )
  return { policy, isReached: () => existsSync(reached) }
}

test.concurrent.each(['idles', 'is in the midst of a long step', 'is being started again'])(
  'an engine whose server is killed while it %s ends by itself, and nothing is left',
  async (when) => {
    const name = when.replaceAll(' ', '-')
    const stuck = stuckPolicy(name)
    // Of the environment, the engine gets what begins so.
    const [variable, value] = ['XDG_SESSION_ID', `${name}-${randomUUID()}`]
    await using server = await startDyntsServe([...bounded, '--policy', stuck.policy], { [variable]: value })
    const alive = () => processesWith(`${variable}=${value}`)
    const first = server.enginePid()!
    try {
      expect(alive().sort()).toEqual([server.process.pid!, first].sort())
      if (when === 'is in the midst of a long step') {
        clientOf(server)
          .chat.completions.create({ model: 'any', messages, temperature: 0 })
          .catch(() => undefined)
        await until(stuck.isReached)
      } else if (when === 'is being started again') {
        process.kill(first, 'SIGKILL')
        const second = await until(() => server.enginePid() !== first && server.enginePid())
        expect(alive().sort()).toEqual([server.process.pid!, second].sort())
      }
      server.process.kill('SIGKILL')
      const start = performance.now()
      await until(() => alive().length === 0)
      expect(performance.now() - start).toBeLessThan(2000)
    } finally {
      for (const pid of alive()) process.kill(pid, 'SIGKILL')
    }
  },
)

test.concurrent.each([
  [['--host', '0.0.0.0'], /--host 0\.0\.0\.0 is open to others/],
  [['--allow-origin', '*'], /needs a key/],
  [['--host', '192.0.2.1', '--no-auth'], /no such address/],
  [['--parallel', '0'], /--parallel must be/],
  [['--effort-budgets', 'lots=9'], /--effort-budgets lots=9: it must be/],
  [['--cells', '100', '--budget', '200'], /does not fit into --cells/],
  [['--memory', '10MB'], /are there/],
  [['--policy', 'dynst'], /There is no policy/],
  [['--model', './nothing.gguf'], /nothing\.gguf/],
  [['--parallell', '2'], /unknown option/],
])('dynts serve %j: exit code 2 and one line', async (args, message) => {
  const { code, stdout, stderr } = await dynts(['serve', '--port', '0', ...args])
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr.trim()).toMatch(message)
  // Some warn first of what is open.
  expect(stderr.split('\n').filter((line) => line.startsWith('dynts: '))).toHaveLength(1)
})

test.concurrent('how far a long prompt is, is told while it is read', async () => {
  await using server = await startDyntsServe(['--policy', 'full', '--cells', '2048', '--log-level', 'error'])
  const ask = async (more: object) => {
    const long = Array.from({ length: 40 }, (_, i) => generateChainProblem(i, { people: 4 }).question).join(' ')
    const body = JSON.stringify({ messages: [{ role: 'user', content: long }], max_tokens: 3, stream: true, ...more })
    const response = await fetch(`${server.url}/v1/chat/completions`, { method: 'POST', body })
    const chunks = [...(await response.text()).matchAll(/^data: (\{.*)$/gm)].map(
      ([, json = '']) =>
        JSON.parse(json) as {
          choices: unknown[]
          prompt_progress?: { total: number; cache: number; processed: number; time_ms: number; choice?: number }
        },
    )
    const first = chunks.findIndex(({ prompt_progress: progress }) => progress)
    // After the role, before the first token.
    if (first >= 0) expect(chunks[first - 1]!.choices).toHaveLength(1)
    return chunks.flatMap(({ prompt_progress: progress, choices }) => {
      if (progress) expect(choices).toEqual([])
      return progress ? [progress] : []
    })
  }
  expect(await ask({})).toEqual([])
  const told = await ask({ return_progress: true, cache_prompt: false })
  const [{ total }] = told as [(typeof told)[number]]
  expect(total).toBeGreaterThan(1024)
  const pieces = Array.from({ length: Math.floor((total - 2) / 512) }, (_, i) => 512 * (i + 1))
  expect(told.map(({ processed }) => processed)).toEqual([...pieces, total])
  expect(told.map((one) => [one.total, one.cache])).toEqual(told.map(() => [total, 0]))
  for (const [i, { time_ms }] of told.entries()) expect(time_ms).toBeGreaterThan(told[i - 1]?.time_ms ?? 0)
  expect(await ask({ return_progress: true })).toMatchObject([{ total, cache: total - 1, processed: total }])
  const two = await ask({ return_progress: true, n: 2 })
  expect(two.map(({ choice }) => choice).sort()).toEqual([0, 1])
  const refused = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ messages, return_progress: true }),
  })
  expect([refused.status, await refused.json()]).toMatchObject([400, { error: { param: 'return_progress' } }])
})

test.concurrent('a client that reads nothing for a while gets the same text, in fewer pieces', async () => {
  // The name is in every piece, so that what the sockets can hold is soon full.
  const name = 'x'.repeat(20_000)
  await using server = await startDyntsServe([
    '--policy',
    'full',
    '--cells',
    '2048',
    '--alias',
    name,
    '--log-level',
    'error',
  ])
  const asked = { messages, temperature: 1.5, seed: 7, max_tokens: 1900, cache_prompt: false }
  const text = await new Promise<string>((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const sent = request(`${server.url}/v1/chat/completions`, { method: 'POST', headers }, (response) => {
      response.pause()
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part)).on('end', () => resolve(Buffer.concat(parts).toString()))
      void until(async () => (await busySlots(server)) === 1)
        .then(() => until(async () => (await busySlots(server)) === 0))
        .then(() => response.resume())
    })
    sent.on('error', reject)
    sent.end(JSON.stringify({ ...asked, stream: true }))
  })
  expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true)
  const deltas = [...text.matchAll(/^data: (\{.*)$/gm)].flatMap(
    ([, json = '']) =>
      (JSON.parse(json) as { choices: { delta: { content?: string; reasoning_content?: string } }[] }).choices,
  )
  const whole = await clientOf(server).chat.completions.create({ ...asked, model: 'any' } as never)
  const { choices, usage } = whole as unknown as {
    choices: { message: { content: string; reasoning_content?: string } }[]
    usage: { completion_tokens: number }
  }
  const joined = (field: 'content' | 'reasoning_content') => deltas.map(({ delta }) => delta[field] ?? '').join('')
  const { message } = choices[0]!
  expect([joined('content'), joined('reasoning_content')]).toEqual([message.content, message.reasoning_content ?? ''])
  expect(deltas.length).toBeLessThan(usage.completion_tokens / 2)
})

test.concurrent(
  'a generation that is cancelled by its id is logged with the id of its request, and counted as aborted',
  async () => {
    await using server = await startDyntsServe(['--policy', 'full', '--cells', '4096'])
    const { url } = server
    const asked = { messages, temperature: 1.5, max_tokens: 4000, stream: true }
    const headers = { 'x-request-id': 'of-a-test' }
    const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify(asked) })
    await until(async () => (await busySlots(server)) === 1)
    const [slot] = (await (await fetch(`${url}/slots`)).json()) as { id_task: string }[]
    const body = JSON.stringify({ id: slot!.id_task, action: 'cancel' })
    expect(await (await fetch(`${url}/v1/chat/completions/control`, { method: 'POST', body })).json()).toEqual({
      success: true,
    })
    const text = await response.text()
    expect(text).toContain('"finish_reason":"stop"')
    expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true)
    const line = await until(() => /^.*"msg":"generation".*$/m.exec(server.stderr())?.[0])
    expect(JSON.parse(line)).toMatchObject({ id: slot!.id_task, request: 'of-a-test', finish: 'cancelled' })
    expect(line).not.toContain(question.slice(0, 20))
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(
      /^dynts:request_success_total\{finished_reason="abort",model_name="tiny"\} 1$/m,
    )
  },
)
