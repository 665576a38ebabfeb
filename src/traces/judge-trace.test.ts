import { describe, expect, test } from 'vitest'
import type { TraceLayout } from '../engine/trace-layout.ts'
import type { GradingKind } from '../evaluation/grading/grade-answer.ts'
import { judgeTrace } from './judge-trace.ts'

/** Right if it is the same text. */
const grader = { grade: (given: string, expected: string) => Promise.resolve({ right: given === expected }) }
/** A good trace: 2 tokens of prompt, 3 of thinking, 1 tag, 4 of answer. */
const good: TraceLayout = {
  tokens: new Int32Array(10),
  promptTokens: 2,
  thinkStart: 2,
  thinkEnd: 5,
  answerStart: 6,
  thinkingParts: 1,
  thinking: 'hm',
  answer: 'It is \\boxed{4}.',
}

const judge = (layout: Partial<TraceLayout>, options: { stopped?: boolean; maxLength?: number } = {}) =>
  judgeTrace({ ...good, ...layout }, { stopped: true, maxLength: 10, question: { answer: '4' }, grader, ...options })

describe('a sample', () => {
  test('that is complete and right is kept', async () => {
    expect(await judge({})).toEqual({ outcome: 'kept', answer: '4' })
  })

  test.each([
    ['truncated', {}, { stopped: false }],
    ['no-thinking', { thinkingParts: 0, thinkStart: 2, thinkEnd: 2, answerStart: 2, thinking: '' }, {}],
    ['no-thinking', { thinking: '\n\n' }, {}],
    ['several-thinking-parts', { thinkingParts: 2 }, {}],
    ['too-long', {}, { maxLength: 9 }],
    // Sampling ends one token above the limit.
    ['too-long', {}, { maxLength: 9, stopped: false }],
    ['no-answer', { answer: 'I do not know.' }, {}],
    ['no-answer', { answer: '\\boxed{}' }, {}],
    ['no-answer', { answer: '' }, {}],
  ] as const)('is dropped: %s %j %j', async (outcome, layout, options) => {
    expect(await judge(layout, options)).toEqual({ outcome, answer: null })
  })

  test('with a wrong answer is dropped, and the answer is kept', async () => {
    expect(await judge({ answer: '\\boxed{5}' })).toEqual({ outcome: 'wrong-answer', answer: '5' })
  })

  test('of a question with choices is right by its letter', async () => {
    const question = { answer: 'B', choices: ['a mirror', 'A lens'] }
    const choice = { stopped: true, maxLength: 10, question, grader }
    for (const [text, outcome] of [
      ['\\boxed{(b)}', 'kept'],
      ['\\boxed{\\text{B. A lens}}', 'kept'],
      ['\\boxed{C}', 'wrong-answer'],
      ['\\boxed{A and B}', 'wrong-answer'],
    ] as const) {
      expect((await judgeTrace({ ...good, answer: text }, choice)).outcome).toBe(outcome)
    }
  })

  test('of a task is right by the task’s own grading', async () => {
    const outcome = async (text: string, question: { answer: string; grading: GradingKind }) =>
      (await judgeTrace({ ...good, answer: text }, { stopped: true, maxLength: 10, question, grader })).outcome
    const names = { answer: 'Ava, Ben', grading: 'names' } as const
    expect(await outcome('\\boxed{Ben and Ava}', names)).toBe('kept')
    expect(await outcome('\\boxed{Ben}', names)).toBe('wrong-answer')
    const order = { answer: 'Ava, Ben', grading: 'order' } as const
    expect(await outcome('\\boxed{Ava, Ben}', order)).toBe('kept')
    expect(await outcome('\\boxed{Ben, Ava}', order)).toBe('wrong-answer')
  })

  test('of a program is right if it passes its tests, and the program is its answer', async () => {
    const ran: object[] = []
    const sandbox = {
      ...grader,
      run: (job: { program: string; test: string | null }) => {
        ran.push(job)
        const right = job.program.includes('a + b')
        return Promise.resolve(right ? { how: 'ended' as const, output: '' } : { how: 'threw' as const, message: 'no' })
      },
    }
    const answer = JSON.stringify({
      prompt: 'function add(a, b) {\n',
      test: 'assert(add(1, 1) === 2)',
      entryPoint: 'add',
    })
    const question = { answer, grading: 'code' as const }
    const judged = async (text: string) =>
      await judgeTrace({ ...good, answer: text }, { stopped: true, maxLength: 10, question, grader: sandbox })
    const program = 'function add(a, b) { return a + b }\n'
    expect(await judged(`So:\n\`\`\`js\n${program}\`\`\`\n`)).toEqual({ outcome: 'kept', answer: program })
    expect((await judged('```js\nadd = () => 3\n```')).outcome).toBe('wrong-answer')
    expect((await judged(' ')).outcome).toBe('no-answer')
    expect(ran).toHaveLength(2)
    expect(ran[0]).toEqual({ program, test: 'assert(add(1, 1) === 2)' })
  })

  test('without a right answer to compare with is kept if it says anything', async () => {
    const unjudged = { stopped: true, maxLength: 10, question: { answer: null }, grader }
    expect(await judgeTrace(good, unjudged)).toEqual({ outcome: 'kept', answer: '4' })
    expect(await judgeTrace({ ...good, answer: 'Blue.' }, unjudged)).toEqual({ outcome: 'kept', answer: null })
    expect((await judgeTrace({ ...good, answer: ' \n' }, unjudged)).outcome).toBe('no-answer')
    expect((await judgeTrace({ ...good, thinkingParts: 2 }, unjudged)).outcome).toBe('several-thinking-parts')
  })

  test('is dropped for the first reason that there is', async () => {
    const all = { thinkingParts: 2, thinking: '', answer: '' }
    expect((await judge(all, { stopped: false })).outcome).toBe('truncated')
    expect((await judge(all, { maxLength: 5 })).outcome).toBe('no-thinking')
    expect((await judge({ ...all, thinking: 'hm' }, { maxLength: 5 })).outcome).toBe('several-thinking-parts')
    expect((await judge({ answer: '' }, { maxLength: 5 })).outcome).toBe('too-long')
  })
})
