import { afterEach, expect, test, vi } from 'vitest'
import type { GenerateEvent, GenerateResult } from '../engine/types.ts'
import { Metrics } from './metrics.ts'
import type { Job } from './job.ts'

afterEach(() => vi.useRealTimers())

/** The numbers of a text for Prometheus, by name and labels. */
async function read(metrics: Metrics): Promise<Record<string, number>> {
  const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith('dynts:'))
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}

test('times count from the arrival of the request, the body and the queue included', async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  const metrics = new Metrics('m')
  const arrivedAt = performance.now()
  const job = { arrivedAt, enqueuedAt: arrivedAt + 1000, startedAt: arrivedAt + 3000 } as Job
  const token = (phase: 'thinking' | 'answer') => ({ type: 'token', token: 1, phase }) as GenerateEvent
  vi.advanceTimersByTime(4000)
  metrics.onEvent(job, token('thinking'))
  vi.advanceTimersByTime(500)
  metrics.onEvent(job, token('answer'))
  vi.advanceTimersByTime(1500)
  metrics.onEnd({
    job,
    result: {
      finishReason: 'stop',
      usage: { promptTokens: 9, cachedPromptTokens: 4, thinkingTokens: 1, answerTokens: 1 },
      timing: { prefillMs: 1000, decodeMs: 2000, evictionMs: 60 },
      cache: { policy: 'dynts', evictions: 3 },
    } as GenerateResult,
  })
  const values = await read(metrics)
  const sumOf = (name: string) => values[`dynts:${name}_sum{model_name="m"}`]
  expect(sumOf('time_to_first_token_seconds')).toBe(4)
  expect(sumOf('time_to_first_answer_token_seconds')).toBe(4.5)
  expect(sumOf('inter_token_latency_seconds')).toBe(0.5)
  expect(sumOf('e2e_request_latency_seconds')).toBe(6)
  expect(sumOf('request_queue_time_seconds')).toBe(2)
  const evictions = (part: string) => values[`dynts:eviction_seconds_${part}{model_name="m",policy="dynts"}`]
  expect([evictions('sum'), evictions('count')]).toEqual([expect.closeTo(0.06), 3])
})
