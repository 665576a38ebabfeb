import { execFileSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tinyF32 } from '../oracle.ts'
import { dynts, scratch } from './run-dynts.ts'

test('says how many answers fit, and how to serve them', async () => {
  const { code, stdout } = await dynts(['plan', '--memory', '2GB', '--budget', '320'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/budget 320 +320 +1\.5 MiB +[\d,]+/)
  expect(stdout).toMatch(/dynts serve --model tiny --budget 320 --parallel \d+/)
})

test('the budget that the predictor recommends is in the table, and the one that is served', async () => {
  const { stdout } = await dynts(['plan', '--memory', '2GB'])
  expect(stdout).toMatch(/^budget 320 +320 +1\.5 MiB +[\d,]+\nbudget 2,048 /m)
  expect(stdout).toMatch(/^dynts serve --model tiny --budget 320 --parallel 256 /m)
})

test('what it says to serve can be pasted, whatever the model is called', async () => {
  const model = join(scratch, "it's a $x model.gguf")
  copyFileSync(tinyF32, model)
  const { stdout } = await dynts(['plan', '--memory', '2GB', '--budget', '320', '--model', model])
  const command = /^dynts (serve .*?) +serves /m.exec(stdout)?.[1] ?? ''
  const words = execFileSync('bash', ['-c', `printf '%s\\0' ${command}`], { encoding: 'utf8' }).split('\0')
  expect(words.slice(0, 5)).toEqual(['serve', '--model', model, '--budget', '320'])
})

test('as JSON, and for so many at a time', async () => {
  const { stdout } = await dynts(['plan', '--memory', '500MB', '--parallel', '8', '--json'])
  const plan = JSON.parse(stdout) as { largestBudget: number; caches: { budget: number | null; parallel: number }[] }
  expect(plan.caches.find(({ budget }) => budget === plan.largestBudget)!.parallel).toBeGreaterThanOrEqual(8)
})

test('where nothing fits, says what the least would need, and so much is enough', async () => {
  const { code, stdout } = await dynts(['plan', '--memory', '1B', '--json'])
  expect(code).toBe(0)
  const { least } = JSON.parse(stdout) as { least: { memory: number; memoryOfQ8: number } }
  expect(least.memoryOfQ8).toBeLessThan(least.memory)
  const fitting = async (memory: number, ...more: string[]) => {
    const told = await dynts(['plan', '--memory', String(memory), '--json', ...more])
    const plan = JSON.parse(told.stdout) as { caches: { budget: number | null; parallel: number }[] }
    return plan.caches.find(({ budget }) => budget === 320)?.parallel
  }
  expect(await fitting(least.memory)).toBe(1)
  expect(await fitting(least.memory - 2)).toBe(0)
  expect(await fitting(least.memoryOfQ8, '--kv-type', 'q8_0')).toBe(1)
  expect((await dynts(['plan', '--memory', '1B'])).stdout).toMatch(
    /^None of these fits\. The least, 1 answer at a time with 320 cells, needs about [\d.]+ MiB of memory \(with --kv-type q8_0 [\d.]+ MiB\)/m,
  )
})

test.each([
  [['--memory', 'lots'], /takes a size such as/],
  [['--memory', '16'], /"16" has no unit/],
  [['--budget', '1'], /--budget must be/],
  [['--parallel', '0'], /--parallel must be/],
])('%j is refused', async (args, message) => {
  const { code, stderr } = await dynts(['plan', ...args])
  expect(code).toBe(2)
  expect(stderr).toMatch(message)
})
