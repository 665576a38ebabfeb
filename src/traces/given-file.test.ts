import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readGivenFile, type GivenFileOptions, type GivenFileTrace } from './given-file.ts'

// Records of our own, in the layouts of public data sets.
const folder = mkdtempSync(join(tmpdir(), 'dynts-given-'))
afterAll(() => rmSync(folder, { recursive: true }))
const path = join(folder, 'given.jsonl')
const tags = { open: '<think>', close: '</think>' }

async function read(rows: readonly object[], options: Partial<GivenFileOptions> = {}): Promise<GivenFileTrace[]> {
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  return await readGivenFile(path, { tags, ...options })
}

async function refused(rows: readonly object[], options?: Partial<GivenFileOptions>): Promise<string> {
  const error: unknown = await read(rows, options).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ name: 'InputError' })
  return (error as Error).message
}

/** Question, thinking, reply and right answer of each trace. */
const told = (traces: readonly GivenFileTrace[]) =>
  traces.map(({ question, parts }) => [question.question, parts.thinking.trim(), parts.answer.trim(), question.answer])

const tagged = (thinking: string, reply: string) => `<think>\n${thinking}\n</think>\n\n${reply}`
const user = { role: 'user', content: 'q' }

describe('the layouts', () => {
  test.each<[string, object, (string | null)[][]]>([
    ['two fields', { question: 'q', thinking: 'hm', reply: 'It is 4.', answer: '4' }, [['q', 'hm', 'It is 4.', '4']]],
    ['response', { problem: 'q', reasoning: 'hm', response: '4', solution: 'so \\boxed{5}' }, [['q', 'hm', '4', '5']]],
    [
      'a proof tells no answer',
      { problem: 'q', cot: 'hm', output: '4', solution: 'by induction' },
      [['q', 'hm', '4', null]],
    ],
    [
      'answer is the reply',
      { prompt: 'q', reasoning: 'hm', answer: 'It is \\boxed{4}' },
      [['q', 'hm', 'It is \\boxed{4}', null]],
    ],
    [
      'final answer beside it',
      { prompt: 'q', reasoning: 'hm', answer: 'Four', final_answer: 4 },
      [['q', 'hm', 'Four', '4']],
    ],
    ['one text', { problem: 'q', generation: tagged('hm', '4'), answer: '4' }, [['q', 'hm', '4', '4']]],
    ['a reply with tags', { prompt: 'q', response: tagged('hm', '\\boxed{4}') }, [['q', 'hm', '\\boxed{4}', null]]],
    [
      'several texts, and a conversation that repeats one',
      {
        problem: 'q',
        solution: '\\boxed{1}',
        answer: '4',
        generations: [tagged('a', '4'), tagged('b', '5'), '<think>\nc'],
        messages: [user, { role: 'assistant', content: tagged('a', '4') }],
      },
      [
        ['q', 'a', '4', '4'],
        ['q', 'b', '5', '4'],
        ['q', 'c', '', '4'],
      ],
    ],
    [
      'a conversation',
      { messages: [{ role: 'system', content: 's' }, user, { role: 'assistant', content: tagged('hm', '4') }] },
      [['s\n\nq', 'hm', '4', null]],
    ],
    [
      'a conversation with its reasoning apart',
      { messages: [user, { role: 'assistant', reasoning_content: 'hm', content: '4' }], answer: '4' },
      [['q', 'hm', '4', '4']],
    ],
    [
      'from and value',
      {
        conversations: [
          { from: 'human', value: 'q' },
          { from: 'gpt', value: tagged('hm', '4') },
        ],
      },
      [['q', 'hm', '4', null]],
    ],
    [
      'lists of each',
      { question: 'q', thinking: ['a', 'b'], reply: ['1', '2'] },
      [
        ['q', 'a', '1', null],
        ['q', 'b', '2', null],
      ],
    ],
    [
      'a trajectory',
      { question: 'q', thinking_trajectories: ['a'], attempt: '1', solution: '\\boxed{1}' },
      [['q', 'a', '1', '1']],
    ],
    [
      'choices',
      { question: 'q', choices: ['x', 'y'], answer: 1, thinking: 'hm', reply: 'B' },
      [['q\n\nA. x\nB. y', 'hm', 'B', 'B']],
    ],
    ['nothing thought', { question: 'q', thinking: null, reply: '4' }, [['q', '', '4', null]]],
  ])('%s', async (_, row, expected) => {
    expect(told(await read([row]))).toEqual(expected)
  })

  test('fields that are named', async () => {
    const row = { ask: 'q', meta: { cot: 'hm' }, out: '4', thinking: 'no', reply: 'no', right: '4' }
    const options = { fields: { thinking: 'meta.cot', reply: 'out' }, questionField: 'ask', answerField: 'right' }
    expect(told(await read([row], options))).toEqual([['q', 'hm', '4', '4']])
    const text = { question: 'q', thinking: 'no', reply: 'no', r1: tagged('hm', '4') }
    expect(told(await read([text], { fields: { text: 'r1' } }))).toEqual([['q', 'hm', '4', null]])
  })

  test('what is said before the last reply of a conversation is the prompt', async () => {
    const earlier = { role: 'assistant', content: 'Hello.', reasoning_content: 'greet' }
    const messages = [
      { role: 'user', content: 'Hi.' },
      earlier,
      user,
      { role: 'assistant', content: tagged('hm', '4') },
    ]
    const [trace] = await read([{ messages }])
    expect(trace?.messages).toEqual([{ role: 'user', content: 'Hi.' }, earlier, user])
    const [other] = await read([{ problem: 'p', messages }], { questionField: 'problem' })
    expect(other).toMatchObject({ messages: undefined, question: { question: 'p' } })
  })

  test('white space of a text with the model’s own tags is kept, of any other not', async () => {
    const rows = [{ question: 'q', generation: '<think> hm</think>4' }]
    const [kept] = await read(rows)
    expect(kept?.parts).toEqual({ thinking: ' hm', answer: '4', ended: true, cutFrom: 'tag' })
    const [lost] = await read(rows, { tags: { open: '[', close: ']' } })
    expect(lost?.parts).toEqual({ thinking: 'hm', answer: '4', ended: true })
  })
})

describe('names', () => {
  const row = (question: string, thinking: string, more: object = {}) => ({ question, thinking, reply: '4', ...more })

  test('rows of one question are its samples, by the id of the first', async () => {
    const rows = [row('q', 'a', { id: 'x' }), row('p', 'b', { id: 'y' }), row('q', 'c', { id: 'z', answer: '4' })]
    const traces = await read(rows)
    expect(traces.map(({ id, sample, question }) => [id, sample, question.answer])).toEqual([
      ['x#0', 0, '4'],
      ['y#0', 0, null],
      ['x#1', 1, '4'],
    ])
    expect(new Set(traces.map(({ hash }) => hash)).size).toBe(3)
    expect((await read(rows)).map(({ hash }) => hash)).toEqual(traces.map(({ hash }) => hash))
  })

  test('without an id: a hash of the question', async () => {
    const [trace] = await read([row('q', 'a')])
    expect(trace?.id).toBe(`${createHash('sha256').update('q').digest('hex').slice(0, 12)}#0`)
  })

  test('only so many rows', async () => {
    expect(await read([row('q', 'a'), row('p', 'b')], { limit: 1 })).toHaveLength(1)
  })
})

describe('is refused, with the place and what would help', () => {
  test.each<[string, object, Partial<GivenFileOptions>, RegExp]>([
    [
      'no trace',
      { question: 'q', answer: '4' },
      {},
      /no trace in line 2 .*question, answer\)\. .*`givenFields` thinking=NAME/,
    ],
    ['no question', { thinking: 'a', reply: 'b' }, {}, /no question in line 2.*`questionField`/],
    [
      'a name that is not there',
      { question: 'q', thinking: 'a', reply: 'b' },
      { fields: { text: 'x' } },
      /looked for "x" as text/,
    ],
    [
      'no text',
      { question: 'q', thinking: 1, reply: 'b' },
      {},
      /line 2 \("thinking" is neither a text nor a list of texts/,
    ],
    [
      'unequal lists',
      { question: 'q', thinking: ['a', 'b'], reply: ['c'] },
      {},
      /line 2 \("thinking" holds 2 texts and "reply" 1/,
    ],
    ['no reply at the end', { messages: [user] }, {}, /line 2 \("messages" does not end with an assistant's message/],
    ['no user', { messages: [{ role: 'assistant', content: tagged('a', 'b') }] }, {}, /no user's message precedes/],
    [
      'a tool',
      {
        messages: [
          { role: 'tool', content: 'x' },
          { role: 'assistant', content: 'y' },
        ],
      },
      {},
      /message 1 of "messages" has no role/,
    ],
  ])('%s', async (_, row, options, message) => {
    const good = { question: 'p', x: tagged('a', 'b'), thinking: 'a', reply: 'b' }
    expect(await refused([good, row], options)).toMatch(message)
  })

  test('one id of two questions', async () => {
    const rows = ['q', 'p'].map((question) => ({ id: 1, question, thinking: 'a', reply: 'b' }))
    expect(await refused(rows)).toMatch(/the id "1" is of one question in line 1 and of another in line 2/)
  })
})
