/**
 * `npm run chaos -- --kills K`: clients of one server whose engine is killed, stopped and aborted at random moments. Says what became of the requests;
 * ends with exit code 1 if anything is wrong.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { mulberry32 } from '../../src/mulberry32.ts'
import { isAlive, startDyntsServe, type DyntsServer } from '../server/start-dynts-serve.ts'
import { Clients } from './clients.ts'
import { observer, writeKeys } from './keys.ts'
import { footprint, leftBehind, quantile, tell, watchHealth, type Health } from './observe.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    clients: { type: 'string', default: '16' },
    seed: { type: 'string', default: '1' },
  },
})
const [kills, clients, seed] = [values.kills, values.clients, values.seed].map(Number) as [number, number, number]
const stallMs = 5000
/** Until a death is told by `/health`, on a machine that has other work as well. */
const noticeMs = 3000
/** HTTP process, MiB: whatever it holds is bounded. */
const mostGrowth = 48

const server = await startDyntsServe([
  ...['--parallel', '8', '--cells', '1024', '--budget', '320', '--max-queue', '256'],
  ...['--api-key-file', writeKeys(clients)],
  ...['--log-level', 'error', '--stall-timeout', `${stallMs / 1000}`],
])
const wrong: string[] = []
const before = await answersOf(server)
const random = mulberry32(seed)
const deaths: number[] = []
const engines: number[] = []
const all = new Clients(server.url, seed, deaths)
const health = watchHealth(server.url, 20)
let goesOn = true
const asking = Array.from({ length: clients }, (_, i) => all.run(i, () => goesOn))
await sleep(2000)
const start = footprint(server)
for (let i = 0; i < kills; i++) {
  await sleep(500 + random() * 2500)
  const pid = server.enginePid()
  if (pid === undefined) throw new Error('there is no engine')
  engines.push(pid)
  const seenBefore = health.seen.length
  deaths.push(performance.now())
  process.kill(pid, signalOf(i))
  // It is told that it is gone, and that it is back.
  await until(() => health.seen.slice(seenBefore).some(({ status }) => status !== 200), 30_000)
  await until(() => health.seen.at(-1)?.status === 200, 90_000)
}
goesOn = false
await Promise.all(asking)
await sleep(1000)
await health.stop()
wrong.push(...all.wrong, ...wrongHealth(health.seen), ...(await leftBehind(server)))
const after = await answersOf(server)
for (const [i, answer] of after.entries()) if (answer !== before[i]) wrong.push(`answer ${i} is another: ${answer}`)
const end = footprint(server)
if (end.server > start.server + mostGrowth) wrong.push(`the server has grown from ${start.server} to ${end.server} MiB`)
for (const pid of engines) if (isAlive(pid)) wrong.push(`engine ${pid} is still there`)
const zombies = zombiesOf(server.process.pid)
if (zombies > 0) wrong.push(`${zombies} zombies`)
const last = server.enginePid()
server.process.kill('SIGTERM')
if ((await server.exited) !== 0) wrong.push('the server did not end in good order')
if (last !== undefined && isAlive(last)) wrong.push('the engine is still there')
const bad = health.seen.filter(({ status }) => status !== 200)
tell(
  {
    ...{ kills, clients, seed, ...all.counts, answers: all.answers },
    seconds: Math.round(((health.seen.at(-1)?.at ?? 0) - (health.seen[0]?.at ?? 0)) / 1000),
    healthMs: {
      p50: quantile(
        health.seen.map(({ ms }) => ms),
        0.5,
      ),
      p99: quantile(
        health.seen.map(({ ms }) => ms),
        0.99,
      ),
    },
    health: { asked: health.seen.length, unhealthy: bad.length },
    answersAfterwards: after.length,
    footprint: { start, end },
  },
  wrong,
)

/** Two in twenty of each of the others. */
function signalOf(kill: number): NodeJS.Signals {
  if (kill % 10 === 1) return 'SIGSTOP'
  return kill % 10 === 2 ? 'SIGABRT' : 'SIGKILL'
}

/** It says that it is not well after each death, once, and never else. */
function wrongHealth(seen: readonly Health[]): string[] {
  const found: string[] = []
  const ends = deaths.map((at, i) => [at, deaths[i + 1] ?? Infinity] as const)
  for (const [i, [at, next]] of ends.entries()) {
    const outage = seen.filter((one) => one.at >= at && one.at < next && one.status !== 200)
    const [first] = outage
    const latest = at + noticeMs + (signalOf(i) === 'SIGSTOP' ? stallMs : 0)
    if (!first || first.at > latest) found.push(`/health did not tell of death ${i} in time`)
    const others = seen.filter((one) => one.at > (first?.at ?? 0) && one.at < (outage.at(-1)?.at ?? 0))
    if (others.some(({ status }) => status === 200)) found.push(`/health changed its mind about death ${i}`)
    if (outage.some(({ status }) => status !== 503)) found.push(`/health had another status after death ${i}`)
  }
  const early = seen.filter((one) => one.at < (deaths[0] ?? Infinity) && one.status !== 200)
  if (early.length > 0) found.push(`/health was not 200 before the first death`)
  return found
}

/** Twenty questions, one after another, greedily and from nothing. */
async function answersOf({ url }: DyntsServer): Promise<string[]> {
  const answers: string[] = []
  for (let i = 0; i < 20; i++) {
    const { question } = generateChainProblem(i, { people: 4 })
    const body = {
      messages: [{ role: 'user', content: question }],
      temperature: 0,
      cache_prompt: false,
      max_tokens: 900,
    }
    const { headers } = observer
    const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify(body) })
    const { choices } = (await response.json()) as { choices?: { message: object }[] }
    answers.push(JSON.stringify(choices?.[0]?.message ?? response.status))
  }
  return answers
}

/** Children that have ended and were not waited for. */
function zombiesOf(pid: number | undefined): number {
  const stats = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        return readFileSync(`/proc/${name}/stat`, 'utf8')
      } catch {
        return ''
      }
    })
  return stats.filter((stat) => new RegExp(`\\) Z ${pid} `).test(stat)).length
}

async function until(holds: () => boolean, mostMs: number): Promise<void> {
  const deadline = performance.now() + mostMs
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`the engine does not come back: ${server.stderr()}`)
    await sleep(10)
  }
}
