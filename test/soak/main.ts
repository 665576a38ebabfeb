/**
 * `npm run soak -- --seconds N --clients C --kills K`: many clients of one server for a while, each with questions of its own, some of which leave, while
 * the engine is killed now and then. Says what became of the requests; ends with exit code 1 if anything is wrong.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { mulberry32 } from '../../src/mulberry32.ts'
import { isAlive, startDyntsServe } from '../server/start-dynts-serve.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    clients: { type: 'string', default: '64' },
    kills: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
  },
})
const [seconds, clients, kills, seed] = [values.seconds, values.clients, values.kills, values.seed].map(Number) as [
  number,
  number,
  number,
  number,
]
const wrong: string[] = []
const counts = { whole: 0, streams: 0, several: 0, left: 0, right: 0, refused: 0, died: 0 }
const ids = new Set<string>()
const waits: number[] = []

const server = await startDyntsServe([
  '--parallel',
  '8',
  '--cells',
  '1024',
  '--budget',
  '320',
  '--max-queue',
  '256',
  '--log-level',
  'error',
  '--stall-timeout',
  '5',
])
const memory = (pid: number | undefined): number => {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}

type Problem = ReturnType<typeof generateChainProblem>

interface Choice {
  readonly message: { readonly content: string }
}

function judge(content: string, { answer }: Problem): void {
  if (content.includes(`\\boxed{${answer}}`)) counts.right++
}

async function client(number: number, end: number): Promise<void> {
  const random = mulberry32(seed * 1009 + number)
  while (performance.now() < end) {
    const problem = generateChainProblem(Math.floor(random() * 1e6), { people: 4 + Math.floor(random() * 5) })
    const kind = random()
    const isStream = kind < 1 / 3
    const n = kind > 2 / 3 ? 2 : 1
    const body = JSON.stringify({
      messages: [{ role: 'user', content: problem.question }],
      ...{ stream: isStream, n, temperature: 0.3, max_tokens: 900 },
      dynts: {
        policy: ['dynts', 'question-window', 'full'][Math.floor(random() * 3)],
        budget: 200 + Math.floor(random() * 120),
        local_window: 32,
      },
    })
    const controller = new AbortController()
    const leaves = random() < 0.2
    if (leaves) setTimeout(() => controller.abort(), random() * 300)
    const start = performance.now()
    try {
      const headers = { 'x-api-key': `client ${number}` }
      const response = await fetch(`${server.url}/v1/chat/completions`, {
        method: 'POST',
        body,
        headers,
        signal: controller.signal,
      })
      const text = await response.text()
      waits.push(performance.now() - start)
      note(response.status, text, { isStream, n, problem })
    } catch (error) {
      if (!controller.signal.aborted) wrong.push(`client ${number}: ${String(error)}`)
      counts.left++
    }
  }
}

function note(
  status: number,
  text: string,
  { isStream, n, problem }: { isStream: boolean; n: number; problem: Problem },
): void {
  if (status === 429 || status === 503) {
    counts.refused++
    return
  }
  if (status !== 200) {
    wrong.push(`${status}: ${text.slice(0, 300)}`)
    return
  }
  if (!isStream) {
    const { id, choices, error } = JSON.parse(text) as { id: string; choices?: Choice[]; error?: { code: string } }
    if (error?.code === 'engine_died') {
      counts.died++
      return
    }
    if (choices?.length !== n || ids.has(id)) {
      wrong.push(`an answer is wrong: ${text.slice(0, 300)}`)
      return
    }
    ids.add(id)
    if (n === 1) counts.whole++
    else counts.several++
    for (const { message } of choices) judge(message.content, problem)
    return
  }
  const events = text
    .split('\n\n')
    .filter((event) => event.startsWith('data: '))
    .map((event) => event.slice(6))
  if (events.at(-1) !== '[DONE]') {
    if (events.at(-1)?.includes('"engine_died"')) {
      counts.died++
      return
    }
    {
      wrong.push(`a stream has no end: ${text.slice(-300)}`)
      return
    }
  }
  counts.streams++
  const chunks = events
    .slice(0, -1)
    .map(
      (event) =>
        JSON.parse(event) as { id: string; choices: { delta: { content?: string; reasoning_content?: string } }[] },
    )
  if (new Set(chunks.map(({ id }) => id)).size !== 1 || ids.has(chunks[0]?.id ?? '')) wrong.push('ids of a stream')
  ids.add(chunks[0]?.id ?? '')
  const contents = chunks.map(({ choices }) => choices[0]?.delta.content ?? '')
  judge(contents.join(''), problem)
}

const health: number[] = []
let unhealthy = 0
const watch = { isOn: true }
const watching = (async () => {
  while (watch.isOn) {
    const start = performance.now()
    const { status } = await fetch(`${server.url}/health`)
    health.push(performance.now() - start)
    if (status !== 200) unhealthy++
    await sleep(100)
  }
})()
const engines = new Set([server.enginePid()])
const killing = (async () => {
  for (let i = 0; i < kills; i++) {
    await sleep((seconds * 1000) / (kills + 1))
    const pid = server.enginePid()
    if (pid !== undefined) process.kill(pid, i % 3 === 2 ? 'SIGSTOP' : 'SIGKILL')
    engines.add(pid)
  }
})()

const before = { server: memory(server.process.pid), engine: memory(server.enginePid()) }
const end = performance.now() + seconds * 1000
await Promise.all([...Array.from({ length: clients }, (_, i) => client(i, end)), killing])
await sleep(6000 * Math.min(1, kills))
watch.isOn = false
await watching
const slots = (await (await fetch(`${server.url}/slots`)).json()) as { is_processing: boolean }[]
await sleep(500)
if (slots.some(({ is_processing }) => is_processing)) wrong.push('a slot is taken although nobody asks')
const metrics = await (await fetch(`${server.url}/metrics`)).text()
if (!/^dynts:cells_used\{[^}]*\} 0$/m.test(metrics)) wrong.push('cells are in use although nobody asks')
if (kills === 0 && unhealthy > 0) wrong.push(`/health was ${unhealthy} times not 200`)
const after = { server: memory(server.process.pid), engine: memory(server.enginePid()) }
const engine = server.enginePid()
for (const pid of engines)
  if (pid !== undefined && pid !== engine && isAlive(pid)) wrong.push(`engine ${pid} is still there`)
server.process.kill('SIGTERM')
if ((await server.exited) !== 0) wrong.push('the server did not end in good order')
if (engine !== undefined && isAlive(engine)) wrong.push('the engine is still there')

const share = (all: number[], part: number) =>
  Math.round([...all].sort((a, b) => a - b)[Math.floor(all.length * part)] ?? 0)
const answers = counts.whole + counts.streams + 2 * counts.several
console.log(
  JSON.stringify(
    {
      ...{ seconds, clients, kills, seed, ...counts, answers, wrong: wrong.length },
      requestMs: { p50: share(waits, 0.5), p99: share(waits, 0.99) },
      healthMs: { p50: share(health, 0.5), p99: share(health, 0.99) },
      memoryMiB: { before, after },
    },
    null,
    2,
  ),
)
for (const one of wrong.slice(0, 20)) console.error(`WRONG: ${one}`)
process.exitCode = wrong.length > 0 ? 1 : 0
