import { expect, test, vi } from 'vitest'
import { AtMostEvery } from './at-most-every.ts'

test('it is done once for all that ask within the pause, the last of them included, and not after its end', () => {
  vi.useFakeTimers()
  try {
    const times: number[] = []
    const begin = performance.now()
    const act = new AtMostEvery(100, () => times.push(performance.now() - begin))
    for (let passed = 0; passed < 250; passed += 10) {
      act.ask()
      vi.advanceTimersByTime(10)
    }
    vi.advanceTimersByTime(200)
    expect(times).toEqual([0, 100, 200, 300])
    act.ask()
    act.end()
    vi.advanceTimersByTime(200)
    expect(times).toHaveLength(4)
  } finally {
    vi.useRealTimers()
  }
})
