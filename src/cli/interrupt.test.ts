import { afterEach, expect, test, vi } from 'vitest'
import { onInterrupt } from './interrupt.ts'

afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = undefined
})

test('the first signal aborts, the second ends the program at once', () => {
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never)
  using interrupt = onInterrupt()
  expect(interrupt.signal.aborted).toBe(false)
  process.emit('SIGINT')
  expect(interrupt.signal.aborted).toBe(true)
  expect(process.exitCode).toBe(130)
  expect(exit).not.toHaveBeenCalled()
  process.emit('SIGINT')
  expect(exit).toHaveBeenCalledExactlyOnceWith(130)
})

test('once disposed it does not listen any more', () => {
  const before = process.listenerCount('SIGINT') + process.listenerCount('SIGTERM')
  const interrupt = onInterrupt()
  interrupt[Symbol.dispose]()
  expect(process.listenerCount('SIGINT') + process.listenerCount('SIGTERM')).toBe(before)
})
