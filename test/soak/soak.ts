/**
 * `npm run soak -- --seconds N --clients C`: many clients of one server for a while, each with questions of its own, some of which leave, and some of
 * which come back. Says what became of the requests; ends with exit code 1 if anything is wrong.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { isAlive, startDyntsServe } from '../server/start-dynts-serve.ts'
import { Clients } from './clients.ts'
import { writeKeys } from './keys.ts'
import { closeIdleConnections, footprint, leftBehind, quantile, tell, watchHealth, type Footprint } from './observe.ts'
import { replay } from './replay.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '300' },
    clients: { type: 'string', default: '64' },
    seed: { type: 'string', default: '1' },
  },
})
const [seconds, clients, seed] = [values.seconds, values.clients, values.seed].map(Number) as [number, number, number]
const cells = 1024
/** Memory is compared with what it was when everything had been used once. */
const settledMs = 60_000
const mostGrowth = 1.05
/** Of the answers; under the full cache and alone it was 2 of 300. */
const mostMadeUp = 0.02

closeIdleConnections()
const server = await startDyntsServe([
  ...['--parallel', '8', '--cells', `${cells}`, '--budget', '320', '--kv-type', 'f32'],
  ...['--max-queue', '256', '--log-level', 'error', '--api-key-file', writeKeys(clients)],
])
const engine = server.enginePid()
const before = footprint(server)
const health = watchHealth(server.url, 100)
const all = new Clients(server.url, seed)
const start = performance.now()
let settled: Footprint | undefined
const settling = setTimeout(() => (settled = footprint(server)), settledMs)
const goesOn = () => performance.now() - start < seconds * 1000
await Promise.all(Array.from({ length: clients }, (_, i) => all.run(i, goesOn)))
clearTimeout(settling)
const underLoad = footprint(server)
await health.stop()
// Those that left are gone once the engine has let go of them.
await sleep(2500)
const wrong = [...all.wrong, ...(await leftBehind(server))]
const after = footprint(server)
const unhealthy = health.seen.filter(({ status }) => status !== 200).length
if (unhealthy > 0) wrong.push(`/health was ${unhealthy} times not 200`)
if (settled && seconds * 1000 > 2 * settledMs) {
  for (const name of ['server', 'engine'] as const) {
    const least = Math.min(underLoad[name], after[name])
    if (least > settled[name] * mostGrowth) wrong.push(`the ${name} has grown from ${settled[name]} to ${least} MiB`)
  }
}
if (after.files > before.files + 2) wrong.push(`open files: ${before.files} before, ${after.files} after`)
if (server.enginePid() !== engine) wrong.push('the engine was started again')
server.process.kill('SIGTERM')
if ((await server.exited) !== 0) wrong.push('the server did not end in good order')
if (engine !== undefined && isAlive(engine)) wrong.push('the engine is still there')

const means = [...all.queued.values()].filter((one) => one.length >= 5).map(meanOf)
const fairShare = means.length > 0 ? Math.max(...means) / meanOf(means) : 0
if (fairShare > 2) wrong.push(`a client waited ${fairShare} times as long as the others on average`)
// The model makes one up now and then, alone as well; those of others would be in many answers.
if (all.counts.madeUpNames > Math.max(5, mostMadeUp * all.answers))
  wrong.push(`${all.counts.madeUpNames} of ${all.answers} answers name somebody of whom their question knows nothing`)
const replayed = await replay(all.tokened, cells)
const { wrong: wrongReplays, ...replayFigures } = replayed
tell(
  {
    ...{ seconds, clients, seed, ...all.counts, answers: all.answers },
    requestMs: { p50: quantile(all.times, 0.5), p99: quantile(all.times, 0.99) },
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
    longestMeanWaitByMean: Math.round(fairShare * 100) / 100,
    replay: replayFigures,
    footprint: { before, settled, underLoad, after },
  },
  [...wrong, ...wrongReplays],
)

function meanOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length
}
