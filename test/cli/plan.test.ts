import { expect, test } from 'vitest'
import { dynts } from './run-dynts.ts'

test('says how many answers fit, and how to serve them', async () => {
  const { code, stdout } = await dynts(['plan', '--memory', '2GB', '--budget', '320'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/budget 320 +320 +1\.5 MiB +[\d,]+/)
  expect(stdout).toMatch(/dynts serve --model tiny --budget 320 --parallel \d+/)
})

test('as JSON, and for so many at a time', async () => {
  const { stdout } = await dynts(['plan', '--memory', '500MB', '--parallel', '8', '--json'])
  const plan = JSON.parse(stdout) as { largestBudget: number; caches: { budget: number | null; parallel: number }[] }
  expect(plan.caches.find(({ budget }) => budget === plan.largestBudget)!.parallel).toBeGreaterThanOrEqual(8)
})

test.each([
  [['--memory', 'lots'], /takes a size such as/],
  [['--budget', '1'], /--budget must be/],
  [['--parallel', '0'], /--parallel must be/],
])('%j is refused', async (args, message) => {
  const { code, stderr } = await dynts(['plan', ...args])
  expect(code).toBe(2)
  expect(stderr).toMatch(message)
})
