/**
 * What `--queue` and `dynts worker` refuse: servers that are not there, and options that have no effect.
 */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { refusalHere } from '../cli/refusal-of.ts'
import { dynts as run, refusal, scratch, shortProblem } from '../cli/run-dynts.ts'
import { freePort } from '../support/redis-server.ts'

const questions = join(scratch, 'questions.jsonl')
/** Of a machine that does other work as well. */
const patience = { command: 120_000, test: 150_000 }
const dynts = (args: readonly string[]) => run(args, { timeoutMs: patience.command })
writeFileSync(questions, JSON.stringify(shortProblem))
const tracing = ['trace', '--model', 'tiny', '--questions', questions]

test.concurrent('a server that is not there', { timeout: patience.test }, async () => {
  const address = `redis://:secret@127.0.0.1:${await freePort()}/2`
  const commands = [['worker'], ['eval', '-o', join(scratch, 'out')], tracing]
  for (const finished of await Promise.all(commands.map((args) => dynts([...args, '--queue', address])))) {
    const message = refusal(finished)
    expect(message).toMatch(/^There is no Redis server to be reached at redis:\/\/127\.0\.0\.1:\d+\/2: .*ECONNREFUSED/)
  }
})

test.concurrent('a server that says nothing', { timeout: patience.test }, async () => {
  const server = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const message = refusal(await dynts(['worker', '--queue', `redis://127.0.0.1:${port}`]))
  expect(message).toMatch(/^There is no Redis server to be reached at .*: Command timed out\./)
  server.close()
})

test.each([
  [['worker'], /--queue/],
  [['worker', '--queue', 'localhost:6379'], /--queue must be redis:\/\/HOST:PORT/],
  [['worker', '--queue', 'redis://h', '--parallel', '0'], /--parallel must be/],
  [['worker', '--queue', 'redis://h', '--lease', '0.5'], /--lease must be/],
  [['eval', '--queue', 'http://h'], /--queue must be/],
  [['eval', '--queue', 'redis://h', '--parallel', '2'], /--parallel has no effect with --queue/],
  [['eval', '--queue', 'redis://h', '--shard', '1/2'], /--shard has no effect with --queue/],
  [['eval', '--queue', 'redis://h', '--policy', './mine.mjs'], /mine\.mjs: workers run the policies of dynts only/],
  [[...tracing, '--queue', 'redis://h', '--endpoint', 'http://h'], /--endpoint has no effect with --queue/],
] as const)('%s', { timeout: patience.test }, async (args, message) => {
  expect(await refusalHere(args)).toMatch(message)
})
