import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Generation } from './generation.ts'
import { runAlone } from './loop.fake.ts'
import type { GenerateEvent } from './types.ts'
import { tokens } from './vocabulary.fake.ts'

/** The events of a real generation of a fake model. */
const { events } = runAlone({ prompt: { tokens: tokens('Q|a') }, policy: 'full', maxTokens: 4 }).of(1)
const finish = events.at(-1)!

function make() {
  const cancelled: number[] = []
  const generation = new Generation(() => cancelled.push(1))
  return { generation, cancelled }
}

async function collect(generation: Generation): Promise<GenerateEvent[]> {
  const all: GenerateEvent[] = []
  for await (const event of generation) all.push(event)
  return all
}

describe('Generation', () => {
  test('gives all events in order, those from before the iteration too, and the result', async () => {
    const { generation, cancelled } = make()
    for (const event of events.slice(0, 3)) generation.push(event)
    const collected = collect(generation)
    for (const event of events.slice(3)) {
      await Promise.resolve()
      generation.push(event)
    }
    expect(await collected).toEqual(events)
    expect(finish).toMatchObject({ type: 'finish', result: await generation.result })
    expect(cancelled).toEqual([])
  })

  test('events that nobody reads are bounded, and no text is lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 200 }), async (most, length) => {
        const generation = new Generation(() => undefined, most)
        const texts: Record<'thinking' | 'answer', string> = { thinking: '', answer: '' }
        for (let i = 0; i < length; i++) {
          const phase = i < length / 2 ? 'thinking' : 'answer'
          const text = String.fromCodePoint(97 + (i % 26))
          texts[phase] += text
          generation.push({ type: 'token', token: i, position: i, phase, text, cells: i })
          const kept = Int32Array.of(i)
          const leaving = Int32Array.of(i - 1)
          generation.push({
            type: 'eviction',
            step: i,
            before: 2,
            kept,
            evicted: 1,
            leaving,
            compacted: false,
          })
        }
        generation.push(finish)
        const seen = await collect(generation)
        expect(seen.length).toBeLessThanOrEqual(most + 3)
        expect(seen.at(-1)).toBe(finish)
        const read = { thinking: '', answer: '' }
        for (const event of seen) if (event.type === 'token') read[event.phase] += event.text
        expect(read).toEqual(texts)
      }),
    )
  })

  test('leaving the iteration cancels, once; after the end there is nothing to cancel', async () => {
    const { generation, cancelled } = make()
    for (const event of events.slice(0, 3)) generation.push(event)
    for await (const event of generation) if (event.type === 'start') break
    expect(cancelled).toEqual([1])
    generation.push(finish)
    generation.cancel()
    expect(cancelled).toEqual([1])
    expect((await generation.result).usage.answerTokens).toBe(4)
  })

  test('a failure ends the iteration after the events that came before it, and rejects the result', async () => {
    const { generation } = make()
    generation.push(events[0]!)
    generation.fail(new Error('broken'))
    const seen: GenerateEvent[] = []
    const iterate = async () => {
      for await (const event of generation) seen.push(event)
    }
    await expect(iterate()).rejects.toThrow('broken')
    expect(seen).toEqual([events[0]])
    await expect(generation.result).rejects.toThrow('broken')
  })

  test('a failure that nobody looks at is no unhandled rejection', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    make().generation.fail(new Error('broken'))
    await new Promise((resolve) => setTimeout(resolve, 5))
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })

  test('two readers at once both come to the end', async () => {
    const { generation } = make()
    const readers = [collect(generation), collect(generation)]
    await new Promise((resolve) => setTimeout(resolve, 1))
    for (const event of events) {
      generation.push(event)
      await new Promise((resolve) => setTimeout(resolve, 0))
    }
    const all = await Promise.all(readers)
    expect(all.flat()).toHaveLength(events.length)
  })
})
