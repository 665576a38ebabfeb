import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Admission } from './admission.ts'

const start = (admission: Admission<string>): string[] => {
  const started: string[] = []
  for (let job = admission.next(); job !== undefined; job = admission.next()) started.push(job)
  return started
}

describe('Admission', () => {
  test('who comes late with little does not wait for one who came early with much', () => {
    const admission = new Admission<string>({ slots: 2, mostWaiting: 100 })
    admission.enqueue(
      'a',
      Array.from({ length: 60 }, (_, i) => `a${i}`),
    )
    expect(start(admission)).toEqual(['a0', 'a1'])
    admission.enqueue('b', ['b0'])
    admission.remove('a0', 1)
    expect(start(admission)).toEqual(['b0'])
    admission.remove('a1', 1)
    expect(start(admission)).toEqual(['a2'])
  })

  test('among those with as many running, the one that was served longest ago is next', () => {
    const admission = new Admission<string>({ slots: 1, mostWaiting: 100 })
    for (const client of ['a', 'b', 'c']) admission.enqueue(client, [`${client}0`, `${client}1`])
    const order: string[] = []
    for (let [job] = start(admission); job !== undefined; [job] = start(admission)) {
      order.push(job)
      admission.remove(job, 1)
    }
    expect(order).toEqual(['a0', 'b0', 'c0', 'a1', 'b1', 'c1'])
  })

  test('a full queue takes all of a request or nothing, and says when to come again', () => {
    const admission = new Admission<string>({ slots: 2, mostWaiting: 4 })
    admission.enqueue('a', ['1', '2', '3', '4'])
    start(admission)
    for (const job of ['1', '2']) admission.remove(job, 30)
    start(admission)
    admission.enqueue('a', ['5', '6'])
    expect(() => admission.enqueue('a', ['7', '8', '9'])).toThrow(
      expect.objectContaining({ status: 429, code: 'queue_full', facts: { retryAfter: 30 } }),
    )
    expect(admission.waiting).toEqual(['5', '6'])
  })

  test('of one client at most half may wait if others wait too', () => {
    const admission = new Admission<string>({ slots: 1, mostWaiting: 8 })
    admission.enqueue('a', ['a0', 'a1', 'a2'])
    admission.enqueue('b', ['b0'])
    start(admission)
    expect(() => admission.enqueue('a', ['a3', 'a4', 'a5'])).toThrow(
      expect.objectContaining({ code: 'too_many_requests_of_yours' }),
    )
    admission.enqueue('b', ['b1', 'b2'])
  })

  test('the order of those who wait is the one in which they run, whoever came first', () => {
    const admission = new Admission<string>({ slots: 2, mostWaiting: 100 })
    admission.enqueue('a', ['a0', 'a1', 'a2', 'a3'])
    start(admission)
    admission.enqueue('b', ['b0', 'b1'])
    admission.enqueue('c', ['c0'])
    expect(admission.waiting).toEqual(['a2', 'a3', 'b0', 'b1', 'c0'])
    expect(admission.order).toEqual(['b0', 'c0', 'b1', 'a2', 'a3'])
    const ran: string[] = []
    while (admission.running.length > 0) {
      const [first] = admission.order
      for (const job of admission.running.slice(0, 1)) admission.remove(job, 1)
      const [next] = start(admission)
      expect(next).toBe(first)
      if (next !== undefined) ran.push(next)
    }
    expect(ran.sort()).toEqual(['a2', 'a3', 'b0', 'b1', 'c0'])
  })

  test('what the engine died over is next', () => {
    const admission = new Admission<string>({ slots: 1, mostWaiting: 8 })
    admission.enqueue('a', ['a0', 'a1'])
    start(admission)
    admission.enqueueAgain('a', 'a0')
    expect(start(admission)).toEqual(['a0'])
  })

  test('one that is not ready keeps its place, and lets others pass', () => {
    const admission = new Admission<string>({ slots: 2, mostWaiting: 8 })
    admission.enqueue('a', ['a0', 'a1'])
    admission.enqueue('b', ['b0'])
    const ready = (...jobs: string[]) => admission.next((job) => jobs.includes(job))
    expect([ready('a1'), ready()]).toEqual(['a1', undefined])
    expect([ready('a0', 'b0'), admission.waiting]).toEqual(['b0', ['a0']])
  })

  test('those that are not ready yet take no places from others while slots are free for them', () => {
    const admission = new Admission<string>({ slots: 3, mostWaiting: 1 })
    for (const job of ['1', '2', '3', '4']) admission.enqueue('a', [job])
    expect(() => admission.enqueue('a', ['5'])).toThrow(expect.objectContaining({ code: 'queue_full' }))
  })

  test('never more run than there are slots, and each runs once', () => {
    const steps = fc.array(
      fc.record({
        client: fc.constantFrom('a', 'b', 'c'),
        count: fc.integer({ min: 1, max: 4 }),
        ends: fc.integer({ min: 0, max: 3 }),
      }),
    )
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), steps, (slots, all) => {
        const admission = new Admission<string>({ slots, mostWaiting: 1000 })
        const [added, ran]: [string[], string[]] = [[], []]
        for (const { client, count, ends } of all) {
          const jobs = Array.from({ length: count }, (_, i) => `${client}${added.length + i}`)
          admission.enqueue(client, jobs)
          added.push(...jobs)
          ran.push(...start(admission))
          expect(admission.running.length).toBeLessThanOrEqual(slots)
          for (const job of admission.running.slice(0, ends)) admission.remove(job, 1)
        }
        while (admission.running.length > 0 || admission.waiting.length > 0) {
          ran.push(...start(admission))
          for (const job of admission.running) admission.remove(job, 1)
        }
        expect([...ran].sort()).toEqual([...added].sort())
      }),
    )
  })
})
