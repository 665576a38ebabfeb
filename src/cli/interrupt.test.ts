import { afterEach, expect, test, vi } from 'vitest'
import { onInterrupt } from './interrupt.ts'

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
  process.exitCode = undefined
})

test('the first signal aborts, the second ends the program at once', () => {
  const kill = vi.spyOn(process, 'kill').mockImplementation(() => true)
  let now = 1000
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  using signal = onInterrupt()
  expect(signal.aborted).toBe(false)
  process.emit('SIGINT', 'SIGINT')
  expect(signal.aborted).toBe(true)
  expect(process.exitCode).toBe(130)
  now += 50
  process.emit('SIGINT', 'SIGINT')
  expect(kill).not.toHaveBeenCalled()
  now += 300
  process.emit('SIGINT', 'SIGINT')
  expect(kill).toHaveBeenCalledExactlyOnceWith(process.pid, 'SIGINT')
})

test('a program that SIGTERM ends exits as a shell reports it', () => {
  using signal = onInterrupt()
  process.emit('SIGTERM', 'SIGTERM')
  expect(signal.aborted).toBe(true)
  expect(process.exitCode).toBe(143)
})

test('once disposed it does not listen any more', () => {
  const before = process.listenerCount('SIGINT') + process.listenerCount('SIGTERM')
  const interrupt = onInterrupt()
  interrupt[Symbol.dispose]()
  expect(process.listenerCount('SIGINT') + process.listenerCount('SIGTERM')).toBe(before)
})

test('what does not stop soon is said, with the way out; what has stopped is not', () => {
  vi.useFakeTimers()
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const slow = onInterrupt()
  process.emit('SIGINT', 'SIGINT')
  vi.advanceTimersByTime(1500)
  expect(written).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1000)
  expect(written).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('Ctrl-C again'))
  slow[Symbol.dispose]()
  const prompt = onInterrupt()
  process.emit('SIGINT', 'SIGINT')
  prompt[Symbol.dispose]()
  vi.advanceTimersByTime(5000)
  expect(written).toHaveBeenCalledOnce()
})
