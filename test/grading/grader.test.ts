/**
 * The grader with its thread, as it is built.
 */
import { spawnSync } from 'node:child_process'
import { afterAll, describe, expect, test, vi } from 'vitest'
import type * as grading from '../../src/evaluation/grading/grader.ts'

const built = new URL('../../dist/evaluation/grading/grader.js', import.meta.url).href
const { Grader } = (await import(built)) as typeof grading

const grader = new Grader()
afterAll(() => grader.close())
/** What takes more than any reasonable time to add up. */
const endless = String.raw`\sum_{a=1}^{9999}\sum_{b=1}^{9999}\sum_{c=1}^{9999}\sin(abcy)`

describe('verdicts say what decided', () => {
  test.each([
    ['42', '42', true, 'same text'],
    [' 42\n', '42', true, 'same text'],
    ['\\dfrac12', '\\frac{1}{2}', true, 'normalised'],
    ['0.5', '\\frac{1}{2}', true, 'normalised'],
    ['0.51', '\\frac{1}{2}', false, 'different'],
    ['(x+1)^2', 'x^2+2x+1', true, 'symbolic'],
    ['(x+1)^2', 'x^2+1', false, 'different'],
    ['100,200', '200, 100', true, 'symbolic'],
    ['\\frac{1}{', '2', false, 'different'],
    ['', '5', false, 'different'],
    ['5', '', false, 'different'],
    ['', '', true, 'same text'],
  ])('%j for %j: %s, %s', async (given, expected, right, how) => {
    expect(await grader.grade(given, expected)).toEqual({ right, how })
  })

  test('long answers are compared as text', async () => {
    const long = `x${'+0'.repeat(1000)}`
    expect(await grader.grade(long, 'x')).toEqual({ right: false, how: 'different' })
    expect(await grader.grade(long, long)).toEqual({ right: true, how: 'same text' })
  })
})

describe('the thread', () => {
  test('a comparison that takes too long is given up; those behind it are not', async () => {
    await using impatient = new Grader({ timeoutMs: 300 })
    // Only the endless comparison sees the time pass.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const first = impatient.grade('x+x', '2x')
      const others = Promise.all([endless, 'y+y', 'z+z'].map((given) => impatient.grade(given, '2y')))
      expect(await first).toEqual({ right: true, how: 'symbolic' })
      vi.advanceTimersByTime(300)
      expect((await others).map(({ how }) => how)).toEqual(['timed out', 'symbolic', 'different'])
    } finally {
      vi.useRealTimers()
    }
  })

  test('closing refuses what is under way and what comes later', async () => {
    const closing = new Grader()
    const verdict = closing.grade(endless, 'x')
    const refused = expect(verdict).rejects.toMatchObject({ name: 'EngineError', code: 'grader_closed' })
    await closing.close()
    await refused
    await expect(closing.grade('1', '1')).rejects.toMatchObject({ code: 'grader_closed' })
    await closing.close()
  })

  test('a process with an open grader ends by itself', () => {
    const script = `
      const { Grader } = await import(${JSON.stringify(built)})
      console.log((await new Grader().grade('x+x', '2x')).how)`
    const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 100_000,
    })
    expect([status, stdout.trim()]).toEqual([0, 'symbolic'])
  })
})
