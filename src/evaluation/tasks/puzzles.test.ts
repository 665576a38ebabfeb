import { describe, expect, test } from 'vitest'
import { puzzleTasks } from './puzzles.ts'

describe.each(puzzleTasks.map((task) => [task.name, task] as const))('%s', (_name, task) => {
  const load = async (generateSeed?: number, limit?: number) => (await task.load({ generateSeed, limit })).items

  test('the n-th of a seed is always the same, and no two are', async () => {
    const items = await load(3)
    expect(items).toHaveLength(200)
    expect(await load(3, 5)).toEqual(items.slice(0, 5))
    const prompts = [...items, ...(await load(4, 50)), ...(await load(undefined, 50))].map(({ prompt }) => prompt)
    expect(new Set(prompts).size).toBe(300)
    expect(items[0]?.prompt).toMatch(/separated by commas, within \\boxed\{\}\.$/)
  })

  test('a file is refused: its questions would not be asked', async () => {
    await expect(Promise.resolve().then(() => task.load({ file: 'x.jsonl' }))).rejects.toThrow(/are in no file/)
  })

  test('a limit that is none', async () => {
    await expect(Promise.resolve().then(() => task.load({ limit: 0 }))).rejects.toThrow(/limit/)
  })
})
