import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { formatDuration, ProgressLine } from './progress-line.ts'

class Output {
  written: string[] = []
  readonly isTTY: boolean
  columns: number

  constructor(isTTY: boolean, columns = 80) {
    this.isTTY = isTTY
    this.columns = columns
  }

  write(text: string): boolean {
    this.written.push(text)
    return true
  }

  get stream(): NodeJS.WriteStream {
    return this as unknown as NodeJS.WriteStream
  }
}

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

/** One step every so many milliseconds. */
function work(line: ProgressLine, steps: number, everyMs: number, from = 0, total = steps): void {
  line.update(from, total)
  for (let step = 1; step <= steps; step++) {
    vi.advanceTimersByTime(everyMs)
    line.update(from + step, total)
  }
}

describe('elsewhere than on a terminal', () => {
  test('nothing before two seconds, then a plain line at most every ten seconds', () => {
    const output = new Output(false)
    const line = new ProgressLine(output.stream, 'sampling')
    work(line, 19, 100, 0, 1000)
    expect(output.written).toEqual([])
    work(line, 281, 100, 19, 1000)
    line.stop()
    expect(output.written).toEqual([
      'sampling: 20 of 1,000, 2 %, 10/s, 1 min 38 s left\n',
      'sampling: 120 of 1,000, 12 %, 10/s, 1 min 28 s left\n',
      'sampling: 220 of 1,000, 22 %, 10/s, 1 min 18 s left\n',
    ])
  })

  test('what was done before does not count for the rate', () => {
    const output = new Output(false)
    const line = new ProgressLine(output.stream, 'sampling')
    work(line, 4, 1000, 900, 1000)
    expect(output.written).toEqual(['sampling: 902 of 1,000, 90 %, 1.0/s, 1 min 38 s left\n'])
  })

  test('shows a note, and goes on saying where the work is when no step comes', () => {
    const output = new Output(false)
    const line = new ProgressLine(output.stream, 'sampling')
    line.update(0, 5, '30 tokens/s')
    vi.advanceTimersByTime(25_000)
    line.stop()
    vi.advanceTimersByTime(25_000)
    expect(output.written).toEqual(Array(2).fill('sampling: 0 of 5, 0 %, 30 tokens/s\n'))
  })
})

describe('on a terminal', () => {
  test('one line, redrawn at most five times a second, that ends with the last state', () => {
    const output = new Output(true)
    const line = new ProgressLine(output.stream, 'sampling')
    work(line, 4000, 1)
    line.stop()
    line.stop()
    expect(output.written.length).toBeLessThanOrEqual(2 * 5 + 3)
    expect(output.written.slice(0, -1).every((text) => text.startsWith('\r\u001B[2K') && !text.includes('\n'))).toBe(
      true,
    )
    expect(output.written.slice(-2)).toEqual(['\r\u001B[2Ksampling: 4,000 of 4,000, 100 %, 1000/s', '\n'])
  })

  test('cut to the width', () => {
    const output = new Output(true, 20)
    const line = new ProgressLine(output.stream, 'sampling')
    work(line, 3, 1000)
    expect(output.written[0]).toBe('\r\u001B[2Ksampling: 1 of 3, 3')
  })

  test('other lines go above it', () => {
    const output = new Output(true)
    const line = new ProgressLine(output.stream, 'sampling')
    line.say('begin')
    work(line, 2, 1000)
    line.say('retry')
    expect(output.written).toEqual([
      'begin\n',
      '\r\u001B[2Ksampling: 1 of 2, 50 %, 30.0/min, 2 s left',
      '\r\u001B[2Kretry\n',
      '\r\u001B[2Ksampling: 1 of 2, 50 %, 30.0/min, 2 s left',
    ])
  })

  test('short work shows nothing', () => {
    const output = new Output(true)
    const line = new ProgressLine(output.stream, 'sampling')
    work(line, 3, 100)
    line.stop()
    expect(output.written).toEqual([])
  })
})

test('another clock can be given', () => {
  const output = new Output(false)
  let time = 0
  const line = new ProgressLine(output.stream, 'work', { now: () => time })
  line.update(0, 2)
  time = 7_200_000
  line.update(1, 2)
  line.stop()
  expect(output.written).toEqual(['work: 1 of 2, 50 %, 0.5/h, 2 h 0 min left\n'])
})

test.each([
  [0.2, '1 s'],
  [59.5, '1 min 0 s'],
  [200, '3 min 20 s'],
  [7500, '2 h 5 min'],
  [273_600, '3 d 4 h'],
])('%d seconds are %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text)
})
