import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readQuestionFile, type QuestionFileOptions } from './question-file.ts'

// Questions of our own, in the layouts of public data sets.
const folder = mkdtempSync(join(tmpdir(), 'dynts-layouts-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function read(rows: readonly object[], options?: QuestionFileOptions) {
  const path = join(folder, 'questions.jsonl')
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  return await readQuestionFile(path, options)
}

async function refused(rows: readonly object[], options?: QuestionFileOptions): Promise<string> {
  const error: unknown = await read(rows, options).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ name: 'InputError' })
  return (error as Error).message
}

const four = ['red', 'green', 'blue', 'grey']
const shown = 'Which?\n\nA. red\nB. green\nC. blue\nD. grey'

describe('the text of a question and its answer', () => {
  test.each<[string, object, string, string]>([
    ['SVAMP', { Body: 'Ann has 3 nuts.', Question: 'How many?', Answer: 3.0 }, 'Ann has 3 nuts.\nHow many?', '3'],
    ['ASDiv', { body: 'Two hens.', question: 'Legs?', answer: '4 (legs)' }, 'Two hens.\nLegs?', '4'],
    ['SVAMP, joined already', { Body: 'A b.', question: 'A b. C?', Answer: '1' }, 'A b. C?', '1'],
    ['MultiArith', { question: 'q', final_ans: '7' }, 'q', '7'],
    ['MGSM', { question: 'q', answer: null, answer_number: 18, equation_solution: null }, 'q', '18'],
    ['MATH', { problem: 'p', level: '1', solution: 'so $\\boxed{\\frac12}$' }, 'p', '\\frac12'],
    ['GSM8K', { question: 'q', answer: '1 + 1\n#### 2' }, 'q', '2'],
    ['MetaMath', { query: 'q', response: 'Think.\nThe answer is: 694', original_question: 'o' }, 'q', '694'],
    ['Alpaca', { instruction: 'Add.', input: '2 and 3', output: '5' }, 'Add.\n2 and 3', '5'],
    ['Alpaca without input', { instruction: 'Say 5.', input: '', output: '5' }, 'Say 5.', '5'],
    ['Dolly', { instruction: 'Who?', context: 'Bo came.', response: 'Bo' }, 'Bo came.\nWho?', 'Bo'],
    ['BBH', { input: 'not ( True ) is', target: 'False' }, 'not ( True ) is', 'False'],
    ['question and its input', { question: 'Sum?', input: '1 2', answer: '3' }, 'Sum?\n1 2', '3'],
    ['DROP', { passage: 'In 1990.', question: 'When?', answer: 1990 }, 'In 1990.\nWhen?', '1990'],
    ['OlympiadBench', { context: null, question: 'q', final_answer: ['2', '3'], images: [] }, 'q', '2, 3'],
    [
      'verl',
      { prompt: [{ role: 'user', content: 'q' }], reward_model: { ground_truth: '34', style: 'rule' } },
      'q',
      '34',
    ],
    [
      'messages',
      {
        messages: [
          { role: 'system', content: 's' },
          { role: 'user', content: 'q' },
          { role: 'assistant', content: 'It is \\boxed{9}' },
        ],
      },
      's\n\nq',
      '9',
    ],
    [
      'ShareGPT',
      {
        conversations: [
          { from: 'human', value: 'q' },
          { from: 'gpt', value: '... \n#### 8' },
        ],
      },
      'q',
      '8',
    ],
    ['TriviaQA', { question: 'q', answer: { value: 'Rome', aliases: ['Roma'] } }, 'q', 'Rome'],
    ['TabMWP', { table: 'a | b\n1 | 2', question: 'b?', choices: null, answer: '2' }, 'a | b\n1 | 2\nb?', '2'],
    ['bigbench', { inputs: 'q', targets: ['5'], multiple_choice_targets: [] }, 'q', '5'],
    ['a, b and c are numbers', { question: 'q', a: 1, b: 2, answer: 3 }, 'q', '3'],
  ])('%s', async (_, row, question, answer) => {
    const { questions } = await read([row])
    expect(questions[0]).toMatchObject({ question, answer })
    expect(questions[0]).not.toHaveProperty('choices')
  })

  test('fields inside others can be chosen; a chosen question is the whole of it', async () => {
    const row = { Body: 'b', data: { q: 'inner', a: [4] }, question: 'outer', answer: 1 }
    const { questions } = await read([row], { questionField: 'data.q', answerField: 'data.a' })
    expect(questions[0]).toMatchObject({ question: 'inner', answer: '4' })
  })
})

describe('choices', () => {
  test.each<[string, object, string]>([
    ['MMLU', { question: 'Which?', choices: four, answer: 2 }, 'C'],
    ['MMLU as text', { question: 'Which?', choices: four, answer: '2' }, 'C'],
    ['MMLU-Pro', { question: 'Which?', options: four, answer: 'B', answer_index: 1 }, 'B'],
    ['the text of the right one', { question: 'Which?', options: four, answer: 'Blue ' }, 'C'],
    ['ARC', { question: 'Which?', choices: { text: four, label: ['1', '2', '3', '4'] }, answerKey: '4' }, 'D'],
    [
      'ARC as published',
      { question: { stem: 'Which?', choices: four.map((text, i) => ({ text, label: 'ABCD'[i] })) }, answerKey: 'B' },
      'B',
    ],
    ['CommonsenseQA', { question: 'Which?', choices: { label: Array.from('ABCD'), text: four }, answerKey: 'A' }, 'A'],
    [
      'OpenBookQA',
      { question_stem: 'Which?', choices: { text: four, label: Array.from('ABCD') }, answerKey: 'D' },
      'D',
    ],
    ['AQuA', { question: 'Which?', options: four.map((text, i) => `${'ABCD'[i]!})${text}`), correct: 'B' }, 'B'],
    ['MathQA', { Problem: 'Which?', options: 'a ) red , b ) green , c ) blue , d ) grey', correct: 'c' }, 'C'],
    ['MedQA', { question: 'Which?', options: { A: 'red', B: 'green', C: 'blue', D: 'grey' }, answer: 'blue' }, 'C'],
    ['MedMCQA', { question: 'Which?', opa: 'red', opb: 'green', opc: 'blue', opd: 'grey', cop: 0 }, 'A'],
    ['C-Eval', { question: 'Which?', A: 'red', B: 'green', C: 'blue', D: 'grey', answer: 'D' }, 'D'],
    ['AGIEval', { passage: null, question: 'Which?', options: four, label: 'C', answer: null }, 'C'],
    ['targets as arrays', { query: 'Which?', choices: four, gold: [1] }, 'B'],
    ['bigbench', { inputs: 'Which?', multiple_choice_targets: four, targets: ['green'] }, 'B'],
    [
      'numbered from 0',
      { question: 'Which?', ending0: 'red', ending1: 'green', ending2: 'blue', ending3: 'grey', label: '3' },
      'D',
    ],
    ['a letter in brackets', { question: 'Which?', options: four, answer: '(B)' }, 'B'],
    ['a letter and its text', { question: 'Which?', options: four, answer: 'B. green' }, 'B'],
    [
      'a missing last one',
      { question: 'Which?', options: { A: 'red', B: 'green', C: 'blue', D: 'grey', E: null }, answer: 'D' },
      'D',
    ],
    ['choices in the question', { question: shown, options: four, answer: 'A' }, 'A'],
  ])('%s', async (_, row, answer) => {
    const { questions } = await read([row])
    expect(questions[0]).toMatchObject({ question: shown, answer, choices: four })
  })

  test('how answers count is told by the whole file, whatever the limit', async () => {
    const row = (label: number) => ({ question: `q${label}?`, choice1: 'x', choice2: 'y', label })
    const letters = async (labels: readonly number[], limit?: number) =>
      (await read(labels.map(row), { limit })).questions.map(({ answer }) => answer)
    expect(await letters([1, 2])).toEqual(['A', 'B'])
    expect(await letters([1, 0])).toEqual(['B', 'A'])
    expect(await letters([1, 0], 1)).toEqual(['B'])
    expect(await refused([row(1)])).toMatch(/"1" in line 1 may count its choices from 0 or from 1.*`answerField`/)
    expect(await refused([row(0), row(2)])).toMatch(/`answerField`/)
  })

  test('a field for the right one, others for the wrong ones: the order depends on the seed and the question', async () => {
    const rows = Array.from({ length: 40 }, (_, i) => ({
      ...{ question: `q${i}`, correct_answer: 'yes', distractor1: 'no', distractor2: 'perhaps', distractor3: 'never' },
    }))
    const { questions } = await read(rows)
    for (const { answer, choices } of questions) expect(choices?.['ABCD'.indexOf(answer)]).toBe('yes')
    expect(new Set(questions.map(({ answer }) => answer)).size).toBe(4)
    expect((await read(rows, { limit: 3 })).questions).toEqual(questions.slice(0, 3))
    expect((await read(rows, { seed: 2 })).questions).not.toEqual(questions)
  })
})

describe('an empty answer', () => {
  test.each<[unknown]>([[''], ['  '], [null], [[]], ['\\boxed{}']])(
    '%j: the row is left out and counted',
    async (answer) => {
      const rows = ['1', answer, '3'].map((each, i) => ({ question: `q${i}`, answer: each }))
      const { questions, leftOut } = await read(rows)
      expect(questions.map(({ question, index }) => [question, index])).toEqual([
        ['q0', 0],
        ['q2', 1],
      ])
      expect(leftOut).toEqual(['line 2'])
    },
  )

  test('a limit counts the questions that are left', async () => {
    const rows = ['', '2', '', '4', ''].map((answer, i) => ({ question: `q${i}`, answer }))
    expect(await read(rows, { limit: 1 })).toMatchObject({ questions: [{ answer: '2' }], leftOut: ['line 1'] })
    expect(await read(rows, { limit: 2 })).toMatchObject({ leftOut: ['line 1', 'line 3'] })
    expect(await read(rows, { limit: 9 })).toMatchObject({ leftOut: ['line 1', 'line 3', 'line 5'] })
  })

  test('a label of -1 is none; a solution beside an empty answer may tell it', async () => {
    const choice = (label: number) => ({ question: `q${label}`, choices: four, label })
    expect(await read([choice(-1), choice(0)])).toMatchObject({ questions: [{ answer: 'A' }], leftOut: ['line 1'] })
    const rows = [
      { problem: 'p', answer: '', solution: 'so \\boxed{2}' },
      { problem: 'r', answer: '', solution: 'Proved.' },
    ]
    expect(await read(rows)).toMatchObject({ questions: [{ answer: '2' }], leftOut: ['line 2'] })
  })

  test('all of them: refused', async () => {
    expect(await refused([{ question: 'q', answer: '' }])).toMatch(
      /no question whose answer is not empty.*`answerField`/,
    )
  })
})

describe('what cannot be asked as it is, is refused and says what to do', () => {
  test.each<[string, object, RegExp]>([
    ['another name of the question', { text: 'q', answer: '1' }, /no question in line 1 .*`questionField`/],
    ['another name of the answer', { question: 'q', reply: '1' }, /no answer in line 1 .*`answerField`/],
    ['an image', { question: 'q', image: 'x.png', answer: '1' }, /the image in "image".*`questionField`/],
    [
      'a context that is no text',
      { question: 'q', context: { title: ['t'] }, answer: '1' },
      /"context", which is no text.*`questionField`/,
    ],
    [
      'an answer that is an object',
      { question: 'q', answer: { spans: [1] } },
      /no answer in line 1 .*"answer".*`answerField`/,
    ],
    [
      'several turns',
      { messages: ['a', 'b'].map((content) => ({ role: 'user', content })), answer: '1' },
      /2 questions/,
    ],
    [
      'an answer that is no choice',
      { question: 'q', choices: four, answer: 'pink' },
      /"pink" in line 1 is none of its 4 choices/,
    ],
    [
      'choices that cannot be read',
      { question: 'q', choices: 'any', answer: 'A' },
      /choices in "choices" cannot be read.*`questionField`/,
    ],
    ['one choice', { question: 'q', choices: ['x'], answer: 'A' }, /its 1 choices cannot be shown/],
    ['several right choices', { question: 'q', choices: four, answer: ['A', 'B'] }, /is none of its 4 choices/],
  ])('%s', async (_, row, says) => expect(await refused([row])).toMatch(says))
})
