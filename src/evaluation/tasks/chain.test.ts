import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { solveChainProblem } from '../chain-problem.ts'
import { chain } from './chain.ts'
import { shippedProblems } from './shipped-problems.ts'

interface Shipped {
  id: string
  question: string
  answer: string
}
const shipped = readFileSync(shippedProblems('test'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Shipped)

describe('chain', () => {
  test('is the 500 shipped test problems, the question alone as the prompt', async () => {
    const { items, source } = await chain.load({})
    expect(source).toBe('shipped test problems')
    expect(items).toEqual(
      shipped.map(({ id, question, answer }, index) => ({
        id,
        index,
        prompt: question,
        expected: answer,
        kind: 'chain',
      })),
    )
  })

  test('a higher limit goes on with generated ones, the same whatever the limit', async () => {
    const { items, source } = await chain.load({ limit: 510 })
    expect(items).toHaveLength(510)
    expect(items.map(({ index }) => index)).toEqual(Array.from({ length: 510 }, (_, i) => i))
    expect((await chain.load({ limit: 505 })).items).toEqual(items.slice(0, 505))
    expect((await chain.load({ limit: 3 })).items).toEqual(items.slice(0, 3))
    expect(source).toContain('generated from seed 0')
    for (const { prompt, expected } of items.slice(500)) expect(String(solveChainProblem(prompt))).toBe(expected)
  })

  test('from a seed, all are generated, and none is a shipped one', async () => {
    const load = async (generateSeed: number, limit?: number) => (await chain.load({ generateSeed, limit })).items
    const items = await load(7)
    expect(items).toHaveLength(500)
    expect(await load(7, 20)).toEqual(items.slice(0, 20))
    const prompts = new Set(items.map(({ prompt }) => prompt))
    expect(prompts.size).toBe(500)
    const known = readFileSync(shippedProblems('train'), 'utf8')
    for (const prompt of prompts) expect(known).not.toContain(prompt)
    expect(shipped.filter(({ question }) => prompts.has(question))).toEqual([])
    expect((await load(8)).filter(({ prompt }) => prompts.has(prompt))).toEqual([])
    expect(new Set([...items, ...(await load(8))].map(({ id }) => id)).size).toBe(1000)
  })

  test('from a file', async () => {
    const { items } = await chain.load({ file: shippedProblems('train'), limit: 2 })
    expect(items.map(({ id, kind }) => [id, kind])).toEqual([
      ['train-0', 'chain'],
      ['train-1', 'chain'],
    ])
  })
})
