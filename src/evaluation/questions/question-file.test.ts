import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { knownAnswer } from '../known-answer.ts'
import { readQuestions, type QuestionFileOptions } from './question-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-questions-'))
afterAll(() => rmSync(folder, { recursive: true }))

function fixture(name: string): string {
  return fileURLToPath(new URL(`../../../test/fixtures/${name}`, import.meta.url))
}

function file(content: string | Buffer, name = 'questions.jsonl'): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

function lines(...records: unknown[]): string {
  return file(records.map((record) => `${JSON.stringify(record)}\n`).join(''))
}

async function answers(path: string, options?: QuestionFileOptions): Promise<string[]> {
  return (await readQuestions(path, options)).map(({ answer }) => answer)
}

async function refused(path: string, options?: QuestionFileOptions): Promise<string> {
  const error: unknown = await readQuestions(path, options).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ name: 'InputError' })
  const { message } = error as Error
  expect(message).not.toContain('\n')
  return message
}

function hash(question: string): string {
  return createHash('sha256').update(question).digest('hex').slice(0, 12)
}

describe('the files of public benchmarks', () => {
  test('MATH: the last box of the solution', async () => {
    expect(await answers(fixture('questions/math.jsonl'))).toEqual(['3', '\\frac{1}{2}'])
  })

  test('MATH-500: the answer field and the unique id', async () => {
    expect(await readQuestions(fixture('questions/math500.jsonl'))).toEqual([
      {
        id: 'test/precalculus/1.json',
        question: 'Convert $(0,3)$ to polar form.',
        answer: '\\left( 3, \\frac{\\pi}{2} \\right)',
        index: 0,
      },
      { id: 'test/number_theory/2.json', question: 'How many divisors has $8$?', answer: '4', index: 1 },
    ])
  })

  test('GSM8K: what follows the mark, without commas; ids from the text', async () => {
    const questions = await readQuestions(fixture('questions/gsm8k.jsonl'))
    expect(questions.map(({ answer }) => answer)).toEqual(['72', '150000'])
    expect(questions.map(({ id }) => id)).toEqual(questions.map(({ question }) => hash(question)))
  })

  test('AIME as Parquet with 64-bit numbers', async () => {
    const questions = await readQuestions(fixture('questions/aime.parquet'))
    expect(questions.map(({ id, answer }) => [id, answer])).toEqual([
      ['60', '23'],
      ['61', '1024'],
      ['62', '4'],
    ])
    expect(await answers(fixture('questions/aime.parquet'), { limit: 2 })).toEqual(['23', '1024'])
    expect(await answers(fixture('questions/aime.parquet'), { answerField: 'solution' })).toEqual([
      '023',
      '1024',
      '004',
    ])
  })

  test('AMC as Parquet with floating-point answers', async () => {
    expect(await answers(fixture('questions/amc.parquet'))).toEqual(['3.5', '14'])
  })

  test("the project's own problems", async () => {
    const questions = await readQuestions(
      fileURLToPath(new URL('../../../models/tiny/problems/train.jsonl', import.meta.url)),
    )
    expect(questions).toHaveLength(2000)
    expect(questions[0]).toMatchObject({ id: 'train-0', answer: '32', index: 0 })
    expect(questions.at(-1)).toMatchObject({ id: 'train-1999', index: 1999 })
  })
})

describe('formats', () => {
  test('a JSON array, and white space and a byte order mark before it', async () => {
    const path = file('\uFEFF\n [{"question": "1+1?", "answer": 2},\n {"question": "1+2?", "answer": "3"}]', 'a.json')
    expect(await answers(path)).toEqual(['2', '3'])
  })

  test('blank lines, a missing last line feed, carriage returns', async () => {
    expect(await answers(file('\uFEFF{"input": "a", "target": 1}\r\n\r\n{"input": "b", "target": 2}'))).toEqual([
      '1',
      '2',
    ])
  })

  test('the limit leaves the rest unread', async () => {
    const path = file('{"question": "a", "answer": "1"}\nnot JSON\n')
    expect(await answers(path, { limit: 1 })).toEqual(['1'])
    expect(await refused(path, { limit: 2 })).toContain('line 2 is not JSON')
    expect(await refused(path, { limit: 0 })).toContain('whole number from 1')
  })
})

describe('fields', () => {
  test('case does not matter, an empty field does not count, chosen fields come first', async () => {
    const path = lines({ ID: 'x', Problem: 'p', question: '', Answer: '1', solution: '\\boxed{2}', other: 'o', key: 7 })
    expect(await readQuestions(path)).toEqual([{ id: 'x', question: 'p', answer: '1', index: 0 }])
    expect(await readQuestions(path, { questionField: 'other', answerField: 'solution', idField: 'key' })).toEqual([
      { id: '7', question: 'o', answer: '2', index: 0 },
    ])
  })

  test('a repeated question without an id gets a number', async () => {
    const record = { question: 'q', answer: '1' }
    const ids = (await readQuestions(lines(record, record, { question: 'r', answer: '1' }, record))).map(({ id }) => id)
    expect(ids).toEqual([hash('q'), `${hash('q')}-2`, hash('r'), `${hash('q')}-3`])
  })

  test('a repeated id is refused', async () => {
    const path = lines(
      { id: 1, question: 'a', answer: '1' },
      { id: '2', question: 'b', answer: '1' },
      { id: '1', question: 'c', answer: '1' },
    )
    expect(await refused(path)).toMatch(/"1" is used twice, in line 1 and line 3/)
  })

  test.each([
    [
      { answer: '1', text: 'q' },
      undefined,
      /no question in line 2 \(looked for question, .*its fields: answer, text\)/,
    ],
    [{ question: 'q', reply: '1' }, undefined, /no answer in line 2 .*its fields: question, reply/],
    [{ question: 'q', answer: {} }, undefined, /no answer in line 2/],
    [{ question: 'q', solution: 'It is 3.' }, undefined, /"solution" in line 2 has no \\boxed/],
    [{ question: 'q', answer: '1' }, { questionField: 'toString' }, /no question in line 1 \(looked for "toString"/],
    [{ question: 'q', answer: '1' }, { idField: 'key' }, /no id in line 1/],
    [[], undefined, /line 2 is not a JSON object/],
    [3, undefined, /line 2 is not a JSON object/],
  ])('%j with %j is refused', async (record, options, message) => {
    expect(await refused(lines({ question: 'a', answer: '1', id: 'a' }, record), options)).toMatch(message)
  })

  test('a field that Parquet lacks', async () => {
    const message = await refused(fixture('questions/aime.parquet'), { answerField: 'gold' })
    expect(message).toMatch(/no answer in row 1 .*its fields: id, problem, solution, answer, year/)
  })
})

describe('files that cannot be used', () => {
  test.each([
    ['no such file', join(folder, 'none.jsonl'), /there is no such file/],
    ['a folder', folder, /is a folder/],
    ['an empty file', file('', 'empty.jsonl'), /is empty/],
    ['white space', file('\n\n', 'blank.jsonl'), /holds no questions/],
    ['an empty array', file('[]', 'none.json'), /holds no questions/],
    ['a broken array', file('[{"question": ', 'broken.json'), /is not JSON/],
    ['a broken Parquet file', file('PAR1 and nothing more PAR1', 'broken.parquet'), /not a readable Parquet/],
    [
      'half a Parquet file',
      file(readFileSync(fixture('questions/aime.parquet')).subarray(0, 400), 'half.parquet'),
      /not a readable Parquet/,
    ],
  ])('%s', async (_, path, message) => expect(await refused(path)).toMatch(message))
})

describe('knownAnswer', () => {
  test.each([
    ['text\n#### 1,234', false, '1234'],
    ['#### 10,20', false, '10,20'],
    ['### 5', false, '### 5'],
    ['#### 5\nmore', false, '#### 5\nmore'],
    [' \\frac{1}{2} ', false, '\\frac{1}{2}'],
    ['so \\boxed{4}', false, '4'],
    ['no box', true, undefined],
    [['1', 2n], false, '1, 2'],
    [[], false, undefined],
    [null, false, undefined],
    [true, false, 'true'],
    [12345678901234567890n, false, '12345678901234567890'],
  ])('case %#: %s', (value, worked, answer) => expect(knownAnswer(value, worked)).toBe(answer))

  test('whole numbers survive GSM8K notation', () => {
    fc.assert(
      fc.property(fc.integer(), fc.lorem(), (value, text) => {
        expect(knownAnswer(`${text}\n#### ${value.toLocaleString('en-US')}`, true)).toBe(String(value))
      }),
    )
  })
})

describe('other forms of a file', () => {
  const two = { question: ['1 + 1?', '2 + 2?'], answer: [2, 4] }
  test.each([
    ['columns on one line', JSON.stringify(two)],
    ['columns over several lines', JSON.stringify(two, null, 2)],
    [
      'a list in an object',
      JSON.stringify(
        {
          data: [
            { question: 'x', answer: 2 },
            { question: 'y', answer: 4 },
          ],
        },
        null,
        1,
      ),
    ],
  ])('%s', async (_what, text) => expect(await answers(file(text))).toEqual(['2', '4']))

  test('one question over several lines', async () => {
    expect(await answers(file(JSON.stringify({ question: 'x', answer: 2 }, null, 2)))).toEqual(['2'])
  })

  test.each([
    ['t.tsv', 'question\tanswer\n1 + 1?\t2\n'],
    ['t.csv', 'question;answer\n"a; b?";2\n'],
    ['t.csv', 'question,answer;unit\nx?,2\n'],
  ])('%s', async (name, text) => {
    if (text.includes('unit')) expect(await refused(file(text, name))).toContain('answer')
    else expect(await answers(file(text, name))).toEqual(['2'])
  })

  test('numbers of many digits', async () => {
    const big = '123456789012345678901'
    expect(await answers(file(`{"question": "x", "answer": ${big}}\n{"question": "y", "answer": [${big}]}\n`))).toEqual(
      [big, big],
    )
  })

  test('no UTF-8, and two columns of one name, are refused', async () => {
    const latin1 = Buffer.from('{"question": "caf\u00e9", "answer": "1"}\n', 'latin1')
    expect(await refused(file(Buffer.concat([Buffer.from('{"question": "x", "answer": 1}\n'), latin1])))).toMatch(
      /line 2 is not UTF-8/,
    )
    expect(await refused(file(Buffer.from('question,answer\ncaf\u00e9,1\n', 'latin1'), 'l.csv'))).toMatch(
      /l\.csv is not UTF-8/,
    )
    expect(await refused(file('question,answer,answer\na,1,2\n', 'r.csv'))).toContain('two columns called "answer"')
  })
})
