/** Clients that leave. A file of its own: it looks at the clock. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { startDyntsServe, until, type DyntsServer } from './start-dynts-serve.ts'

let server: DyntsServer
beforeAll(async () => {
  server = await startDyntsServe([
    ...['--parallel', '1', '--policy', 'question-window', '--budget', '200', '--local-window', '32'],
    ...['--cells', '4096', '--log-level', 'error'],
  ])
})
afterAll(() => server.stop())

type Phase = 'queued' | 'prompt' | 'thinking' | 'answer'
const phases: readonly Phase[] = ['queued', 'prompt', 'thinking', 'answer']

async function get(path: string): Promise<string> {
  return await (await fetch(server.url + path)).text()
}

/** What the one slot is at; null: it is free. */
async function phase(): Promise<Phase | null> {
  const [slot] = JSON.parse(await get('/slots')) as [{ phase: Phase | null }]
  return slot.phase
}

async function figure(name: string, label = ''): Promise<number> {
  const [, value] =
    new RegExp(`^dynts:${name}\\{${label}model_name="tiny"\\} (\\d+)$`, 'm').exec(await get('/metrics')) ?? []
  return Number(value)
}

async function token(content: string): Promise<number> {
  const response = await fetch(`${server.url}/tokenize`, { method: 'POST', body: JSON.stringify({ content }) })
  return ((await response.json()) as { tokens: [number] }).tokens[0]
}

/** Asks, and leaves when it is told to. */
function ask(body: object): () => void {
  const controller = new AbortController()
  const init = { method: 'POST', body: JSON.stringify(body), signal: controller.signal }
  fetch(`${server.url}/v1/chat/completions`, init)
    .then((response) => response.text())
    .catch(() => undefined)
  return () => controller.abort()
}

/** Milliseconds that reading this prompt takes. */
async function promptTime(body: object): Promise<number> {
  const init = { method: 'POST', body: JSON.stringify(body) }
  const text = await (await fetch(`${server.url}/v1/chat/completions`, init)).text()
  return (JSON.parse(text) as { timings: { prompt_ms: number } }).timings.prompt_ms
}

/** Milliseconds until it is so. */
async function timeUntil(look: () => Promise<boolean>): Promise<number> {
  const start = performance.now()
  await until(look)
  return performance.now() - start
}

test('what a client has left ends within a quarter of a second, whatever was being done for it', async () => {
  const { question } = generateChainProblem(3, { people: 4 })
  const never = await Promise.all(['<|endoftext|>', '<think>', '</think>'].map(token))
  const endless = {
    messages: [{ role: 'user', content: question }],
    logit_bias: Object.fromEntries(never.map((one) => [one, -100])),
  }
  const asked: Readonly<Record<Phase, object>> = {
    queued: endless,
    prompt: {
      messages: [{ role: 'user', content: ' coins'.repeat(2500) }],
      ...{ dynts: { policy: 'full' }, cache_prompt: false, max_tokens: 1 },
    },
    thinking: endless,
    answer: { ...endless, enable_thinking: false },
  }
  const isFree = async () => (await phase()) === null
  const times: number[] = []
  const late: number[] = []
  // A prompt is read in five pieces, of which the one that was begun is read to its end.
  const atOnce = {
    queued: 250,
    thinking: 250,
    answer: 250,
    prompt: Math.max(250, (await promptTime(asked.prompt)) / 2),
  }
  const note = (phase: Phase, ms: number) => {
    times.push(ms)
    if (ms > atOnce[phase]) late.push(ms)
  }
  const rounds = 13
  for (let round = 0; round < rounds; round++) {
    for (const wanted of phases) {
      const leaveSlot = wanted === 'queued' ? ask(endless) : undefined
      if (leaveSlot) await until(async () => (await phase()) === 'thinking')
      const leave = ask({ ...asked[wanted], stream: round % 2 === 0 })
      if (leaveSlot) {
        await until(async () => (await figure('num_requests_waiting')) === 1)
        leave()
        note(wanted, await timeUntil(async () => (await figure('num_requests_waiting')) === 0))
        leaveSlot()
        await until(isFree)
      } else {
        await until(async () => (await phase()) === wanted)
        leave()
        note(wanted, await timeUntil(isFree))
      }
    }
  }
  const left = await Promise.all(phases.map((one) => figure('client_disconnects_total', `phase="${one}",`)))
  // Each that waited did so behind one that thought.
  expect(left).toEqual([rounds, rounds, 2 * rounds, rounds])
  expect(times).toHaveLength(4 * rounds)
  // Another program may have the processor once.
  expect(late.length, `${times.map(Math.round).join(' ')} ms`).toBeLessThanOrEqual(2)
})
