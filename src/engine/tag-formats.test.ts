/**
 * Every format of tags that is known: the kinds of its cells, wherever its text is cut into tokens; and what is forced, shown and
 * evicted where its thinking is closed in the model's stead.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CellKind } from '../cache/windows.ts'
import { findThinkingTags } from '../llama/thinking-tags.ts'
import type { Vocabulary } from './forward-pass.ts'
import { runAlone } from './loop.fake.ts'
import { ReasoningPhase } from './reasoning-phase.ts'

type Part = readonly [kind: 'tag' | 'thinking' | 'answer', text: string]

interface Format {
  /** What of its template names the tags. */
  readonly template: string
  /** Ends the prompt, with the thinking open. */
  readonly opened: string
  /** What is written in the model's stead. */
  readonly closing: string
  /** A turn that opens its thinking itself. */
  readonly turn: readonly Part[]
}

/** A pair of tags, the answer without any. */
const pair = (open: string, close: string, closing = `\n${close}\n\n`): Format => ({
  template: `${open} ${close}`,
  opened: open,
  closing,
  turn: [
    ['tag', open],
    ['thinking', '\na < b\n'],
    ['tag', close],
    ['answer', '\n\nc <d> e'],
  ],
})
/** The answer has tags, too. */
const pairs = (open: string, close: string, answerOpen: string, answerClose: string): Format => ({
  template: `${open} ${close} ${answerOpen} ${answerClose}`,
  opened: open,
  closing: `\n${close}\n${answerOpen}\n`,
  turn: [
    ['tag', `\n${open}`],
    ['thinking', '\na < b\n'],
    ['tag', `${close}\n${answerOpen}`],
    ['answer', '\nc <d> e\n'],
    ['tag', answerClose],
    ['answer', '\n'],
  ],
})

const start = '<|start|>assistant'
const harmonyTemplate = '<|channel|>analysis<|message|> <|channel|>final<|message|> <|end|>'
const cohereTemplate = '<|START_THINKING|><|END_THINKING|>'
const formats: Readonly<Record<string, Format>> = {
  'R1, Qwen3': pair('<think>', '</think>'),
  'EXAONE Deep': pair('<thought>', '</thought>'),
  Magistral: pair('[THINK]', '[/THINK]'),
  'Seed-OSS': pair('<seed:think>', '</seed:think>'),
  MiniMax: pair('<mm:think>', '</mm:think>'),
  Kimi: pair('◁think▷', '◁/think▷'),
  'Gemma 4': pair('<|channel>thought', '<channel|>', '\n<channel|>'),
  'Granite 3.2': pair('Here is my thought process:', 'Here is my response:'),
  'Granite 3.3': pairs('<think>', '</think>', '<response>', '</response>'),
  Hunyuan: pairs('<think>', '</think>', '<answer>', '</answer>'),
  OpenThinker: pairs('<|begin_of_thought|>', '<|end_of_thought|>', '<|begin_of_solution|>', '<|end_of_solution|>'),
  Apriel: {
    template: 'Here are my reasoning steps: [BEGIN FINAL RESPONSE] [END FINAL RESPONSE]',
    opened: 'Here are my reasoning steps:\n',
    closing: '\n[BEGIN FINAL RESPONSE]\n',
    turn: [
      ['tag', 'Here are my reasoning steps:'],
      ['thinking', '\na [b]\n'],
      ['tag', '[BEGIN FINAL RESPONSE]'],
      ['answer', '\nc [d] e\n'],
      ['tag', '[END FINAL RESPONSE]'],
    ],
  },
  'gpt-oss': {
    template: harmonyTemplate,
    opened: `${start}<|channel|>analysis<|message|>`,
    closing: `<|end|>${start}<|channel|>final<|message|>`,
    turn: [
      ['tag', '<|channel|>analysis<|message|>'],
      ['thinking', 'a < b'],
      ['tag', `<|end|>${start}<|channel|>commentary<|message|>`],
      ['answer', 'c'],
      ['tag', `<|end|>${start}<|channel|>analysis<|message|>`],
      ['thinking', 'd'],
      ['tag', `<|end|>${start}<|channel|>final<|message|>`],
      ['answer', 'e <f> g'],
    ],
  },
  Cohere: {
    template: `${cohereTemplate}<|START_RESPONSE|><|END_RESPONSE|>`,
    opened: '<|START_THINKING|>',
    closing: '<|END_THINKING|><|START_RESPONSE|>',
    turn: [
      ['tag', '<|START_THINKING|>'],
      ['thinking', 'a < b'],
      ['tag', '<|END_THINKING|><|START_RESPONSE|>'],
      ['answer', 'c <d> e'],
      ['tag', '<|END_RESPONSE|>'],
    ],
  },
  'Cohere, with a text': {
    template: `${cohereTemplate}<|START_TEXT|>`,
    opened: '<|START_THINKING|>',
    closing: '<|END_THINKING|><|START_RESPONSE|>',
    turn: [
      ['tag', '<|START_THINKING|>'],
      ['thinking', 'a < b'],
      ['tag', '<|END_THINKING|><|START_TEXT|>'],
      ['answer', 'c <d> e'],
    ],
  },
}

/** Every byte is a token. */
const eos = 256
const bytes: Vocabulary = {
  size: 257,
  bos: eos,
  eos,
  addsBos: false,
  isToken: (token) => Number.isInteger(token) && token >= 0 && token <= eos,
  endsGeneration: (token) => token === eos,
  tokenize: (text) => Int32Array.from(new TextEncoder().encode(text)),
  tokenizeContinuation: (text) => bytes.tokenize(text),
  piece: (token) => (token === eos ? new Uint8Array() : Uint8Array.of(token)),
  specialTexts: [],
}

describe.each(Object.entries(formats))('%s', (_name, { template, opened, closing, turn }) => {
  const tags = findThinkingTags(template)

  test('a token with a piece of a tag counts as answer; any other as what it is', () => {
    const text = turn.map(([, part]) => part).join('')
    const kindOfEach = turn.flatMap(([kind, part]) => Array.from({ length: part.length }, () => kind))
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }), (lengths) => {
        const phase = new ReasoningPhase(tags, '')
        const kinds: number[] = []
        const expected: number[] = []
        for (let at = 0; at < text.length;) {
          const end = at + (lengths[kinds.length % lengths.length] ?? 1)
          const { kind, tagPositions } = phase.push(text.slice(at, end), kinds.length)
          kinds.push(kind)
          for (const position of tagPositions) kinds[position] = CellKind.answer
          expected.push(
            kindOfEach.slice(at, end).every((one) => one === 'thinking') ? CellKind.thinking : CellKind.answer,
          )
          at = end
        }
        for (const position of phase.finish(false).tagPositions) kinds[position] = CellKind.answer
        expect(kinds).toEqual(expected)
      }),
      { numRuns: 50 },
    )
  })

  test('closed in the model’s stead: what is written, what is shown, and only thinking leaves', () => {
    const [thinking, answer] = ['abcd'.repeat(20), 'ST'.repeat(30)]
    const script = [...bytes.tokenize(thinking), ...bytes.tokenize(answer), eos]
    const budget = bytes.tokenize(`Q${opened}${closing}${answer}`).length + 40
    const loop = runAlone(
      {
        prompt: { text: `Q${opened}` },
        ...{ policy: 'question-window', budget, localWindow: 8, ratio: 0.5 },
        ...{ seed: 1, maxTokens: 400, thinkingBudget: thinking.length },
      },
      { cells: 512, batchTokens: 512, scripts: { 1: script }, model: { vocab: bytes, thinkingTags: tags } },
    )
    expect(loop.generated(1)).toEqual([...bytes.tokenize(`${thinking}${closing}${answer}`), eos])
    const result = loop.result(1)
    expect(result).toMatchObject({ thinking, thinkingEnd: 'thinking-budget', cache: { peakCells: budget } })
    expect(result.answer.trim()).toBe(answer)
    const closingTokens = bytes.tokenize(closing).length
    expect(result.usage).toMatchObject({
      thinkingTokens: thinking.length,
      answerTokens: closingTokens + answer.length + 1,
    })
    const first = bytes.tokenize(`Q${opened}`).length
    const leaving = loop.evictions(1).flatMap((eviction) => [...eviction.leaving])
    expect(loop.evictions(1).at(-1)?.step).toBeGreaterThan(thinking.length + closingTokens)
    expect(Math.min(...leaving)).toBe(first)
    expect(Math.max(...leaving)).toBeLessThan(first + thinking.length)
  })
})
