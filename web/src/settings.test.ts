import { expect, test } from 'vitest'
import { planEviction } from '../../src/cache/budget.ts'
import { bodyOf, leastBudget, noSettings } from './settings.ts'

test.each([
  [{}, { local_window: 32, evict_every: null }, { localWindow: 32, ratio: 0.5 }],
  [{}, { local_window: 32, evict_every: 20 }, { localWindow: 32, evictEvery: 20 }],
  [
    { localWindow: 5, ratio: 0.4 },
    { local_window: 32, evict_every: 20 },
    { localWindow: 5, ratio: 0.4 },
  ],
])('the least budget of %j with defaults %j is that of the engine', (set, defaults, settings) => {
  const least = leastBudget({ ...noSettings, ...set }, defaults, 70)
  expect(planEviction({ ...settings, budget: least }, 70).leaving).toBeGreaterThan(0)
  expect(() => planEviction({ ...settings, budget: least - 1 }, 70)).toThrow('does not fit')
})

test('a run asks for everything that the page draws; a check for nothing of it', () => {
  const messages = [{ role: 'user', content: '?' }] as const
  expect(bodyOf(messages, noSettings, { withEvents: true })).toEqual({
    ...{ messages, return_progress: true, dynts: { events: true } },
  })
  expect(bodyOf(messages, noSettings, { withEvents: false })).toEqual({ messages, dynts: {} })
})
