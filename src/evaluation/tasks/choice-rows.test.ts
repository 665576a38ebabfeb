import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { choiceItem, readChoiceItems } from './choice-rows.ts'

const row = (id: string) => ({
  Question: ' Which one is right? ',
  'Correct Answer': 'the right one ',
  'Incorrect Answer 1': 'wrong 1',
  'Incorrect Answer 2': 'wrong 2',
  'Incorrect Answer 3': 'wrong 3',
  'Record ID': id,
})

/** The choice that a letter stands for in a prompt. */
const choiceAt = (prompt: string, letter: string) => new RegExp(`^${letter}\\. (.*)$`, 'm').exec(prompt)?.[1]

describe('choiceItem', () => {
  const items = Array.from({ length: 400 }, (_, i) => choiceItem(row(`rec${i}`), i, 1))

  test('the expected letter stands before the right choice, and all four are there', () => {
    for (const { prompt, expected } of items) {
      expect(choiceAt(prompt, expected)).toBe('the right one')
      expect(['A', 'B', 'C', 'D'].map((letter) => choiceAt(prompt, letter)).sort()).toEqual([
        'the right one',
        'wrong 1',
        'wrong 2',
        'wrong 3',
      ])
    }
  })

  test('each letter is right about equally often, and all orders of the choices are there', () => {
    for (const letter of ['A', 'B', 'C', 'D']) {
      const share = items.filter(({ expected }) => expected === letter).length / items.length
      expect(share).toBeGreaterThan(0.18)
      expect(share).toBeLessThan(0.32)
    }
    expect(new Set(items.map(({ prompt }) => prompt)).size).toBe(24)
  })

  test('the order depends on the seed and the id alone', () => {
    expect(choiceItem(row('rec7'), 99, 1)).toEqual({ ...items[7], index: 99 })
    const other = items.map((_, i) => choiceItem(row(`rec${i}`), i, 2))
    const same = other.filter(({ prompt }, i) => prompt === items[i]!.prompt).length
    expect(same).toBeLessThan(60)
  })

  test('the prompt asks for a letter in a box', () => {
    expect(items[0]).toMatchObject({ kind: 'choice', id: 'rec0' })
    expect(items[0]!.prompt).toMatch(
      /^Which one is right\?\n\nA\. .*\nB\. .*\nC\. .*\nD\. .*\n\nPlease .*\\boxed\{\}\.$/,
    )
  })
})

describe('readChoiceItems', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dynts-choices-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))
  const read = async (name: string, text: string, limit?: number) => {
    await writeFile(join(folder, name), text)
    return await readChoiceItems(join(folder, name), { seed: 1, limit })
  }
  const csv = (rows: readonly Record<string, string>[]) =>
    [Object.keys(rows[0]!), ...rows.map((each) => Object.values(each))]
      .map((line) => line.map((value) => `"${value}"`).join(','))
      .join('\n')

  test('CSV and JSON Lines give the same items; other columns do not matter', async () => {
    const rows = ['a', 'b', 'c'].map((id) => ({ ...row(id), Explanation: 'x,\ny' }))
    const items = await read('q.csv', csv(rows))
    expect(items.map(({ id, index }) => [id, index])).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 2],
    ])
    expect(await read('q.jsonl', rows.map((each) => JSON.stringify(each)).join('\n'))).toEqual(items)
    expect(await read('q.csv', csv(rows), 2)).toEqual(items.slice(0, 2))
  })

  test('without ids the rows are numbered', async () => {
    const without = ['', ' ', null, undefined].map((id) => ({ ...row('x'), 'Record ID': id }))
    const items = await read('q.jsonl', without.map((each) => JSON.stringify(each)).join('\n'))
    expect(items.map(({ id }) => id)).toEqual(['0', '1', '2', '3'])
  })

  test('Parquet', async () => {
    const path = fileURLToPath(new URL('../../../test/fixtures/tasks/choices.parquet', import.meta.url))
    const items = await readChoiceItems(path, { seed: 1 })
    expect(items.map(({ id, prompt, expected }) => [id, choiceAt(prompt, expected)])).toEqual([
      ['rec0', '1'],
      ['rec1', '2'],
      ['rec2', '3'],
    ])
  })

  test.each([
    [
      'a choice is missing',
      'q.csv',
      csv([{ ...row('a'), 'Incorrect Answer 2': '' }]),
      'invalid_questions',
      /question 1.*Incorrect Answer 2/,
    ],
    ['a line is no JSON', 'q.jsonl', `${JSON.stringify(row('a'))}\n{"Ques\n`, 'invalid_questions', /line 2/],
    ['it is no Parquet', 'q.parquet', 'PAR1', 'invalid_questions', /Parquet/],
    ['it is no CSV', 'q.csv', 'a,"b', 'invalid_csv', /quotes/],
  ])('refused: %s', async (_, name, text, code, message) => {
    await expect(read(name, text)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string })
  })

  test.each(['none.csv', 'none.jsonl'])('refused: %s is not there', async (name) => {
    await expect(readChoiceItems(join(folder, name), { seed: 1 })).rejects.toMatchObject({
      code: 'questions_not_found',
    })
  })
})
