import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CellKind } from '../cache/windows.ts'
import { ReasoningPhase } from './reasoning-phase.ts'

const tags = { open: '<think>', close: '</think>' }
const { thinking, answer } = CellKind

/** Feeds pieces and gives the text of each phase and the kind of each token's cell. */
function run(pieces: string[], promptText = '', areAssumed = false) {
  const phase = new ReasoningPhase({ ...tags, areAssumed }, promptText)
  const kinds: number[] = []
  const texts = { thinking: '', answer: '' }
  pieces.forEach((piece, position) => {
    const step = phase.push(piece, position)
    kinds.push(step.kind)
    for (const tag of step.tagPositions) kinds[tag] = answer
    for (const [i, segment] of [...step.segments, { phase: 'answer' as const, text: '' }].entries()) {
      if (i === step.thinkingBefore) {
        texts.thinking += texts.answer
        texts.answer = ''
      }
      texts[segment.phase] += segment.text
    }
  })
  for (const segment of phase.finish()) texts[segment.phase] += segment.text
  return { ...texts, kinds }
}

describe('ReasoningPhase', () => {
  test('a prompt that opens the tag: thinking from the first token on', () => {
    expect(run(['a', 'b', '</think>', 'c'], 'Q<think>\n')).toEqual({
      thinking: 'ab',
      answer: 'c',
      kinds: [thinking, thinking, answer, answer],
    })
  })

  test('a model that opens the tag itself: both tags count as answer', () => {
    expect(run(['\n', '<think>', 'a', '</think>', 'c'], 'Q')).toEqual({
      thinking: 'a',
      answer: 'c',
      kinds: [answer, answer, thinking, answer, answer],
    })
  })

  test('tags of several tokens: all of them count as answer', () => {
    expect(run(['<', 'th', 'ink', '>', 'a', ' b', '</', 'think', '>', 'c'], 'Q')).toEqual({
      thinking: 'a b',
      answer: 'c',
      kinds: [answer, answer, answer, answer, thinking, thinking, answer, answer, answer, answer],
    })
  })

  test('what only looks like a tag stays what it was', () => {
    expect(run(['1 <', ' 2 ', '</th', 'is>', '</think>'], '<think>')).toEqual({
      thinking: '1 < 2 </this>',
      answer: '',
      kinds: [thinking, thinking, thinking, thinking, answer],
    })
  })

  test('a turn without thinking is answer to read, and its cells count as thinking', () => {
    const plain = { thinking: '', answer: 'Hello <think> you', kinds: [thinking, thinking, thinking] }
    expect(run(['Hello', ' <think>', ' you'], 'Q')).toEqual(plain)
    expect(run(['Hello', ' <think>', ' you'], 'Q<think>\n\n</think>\n\n')).toEqual(plain)
  })

  test('thinking of an earlier turn does not count for this one', () => {
    expect(run(['<think>', 'a'], 'Q<think>x</think>y<|user|>Z').thinking).toBe('a')
  })

  test('a prompt without the opening tag and a model that only closes it', () => {
    expect(run(['a', '</think>', 'b'], 'Q')).toEqual({ thinking: 'a', answer: 'b', kinds: [thinking, answer, answer] })
    expect(run(['a', '\n</th', 'ink>\n', 'b'], 'Q')).toMatchObject({ thinking: 'a\n', answer: '\nb' })
  })

  test('a closing tag stays where the template names no tags, or has closed the thinking itself', () => {
    const stays = { thinking: '', answer: 'a</think>b', kinds: [thinking, thinking, thinking] }
    expect(run(['a', '</think>', 'b'], 'Q', true)).toEqual(stays)
    expect(run(['a', '</think>', 'b'], 'Q<think>\n\n</think>\n\n')).toEqual(stays)
    expect(run(['<think>', 'a', '</think>', 'b'], 'Q', true)).toMatchObject({ thinking: 'a', answer: 'b' })
  })

  test('a thinking that never closes ends as thinking, held text included', () => {
    expect(run(['a', '</thi'], '<think>')).toEqual({ thinking: 'a</thi', answer: '', kinds: [thinking, thinking] })
  })

  test('however the text is cut into tokens, the split is the same and nothing is lost', () => {
    const word = fc.constantFrom('a', '<', '</', 'think', '>', '<think', '</think', ' ', '\n', 'th')
    const inputs = fc.record({
      thought: fc
        .array(word)
        .map((words) => words.join(''))
        .filter((text) => !text.includes('</think>')),
      said: fc.array(word).map((words) => words.join('')),
      opened: fc.boolean(),
      cuts: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1 }),
    })
    fc.assert(
      fc.property(inputs, ({ thought, said, opened, cuts }) => {
        fc.pre(!`${thought}</think>`.slice(0, -1).includes('</think>'))
        const text = `${opened ? '' : '<think>'}${thought}</think>${said}`
        const pieces: string[] = []
        for (let i = 0, cut = 0; i < text.length; cut++) {
          const length = cuts[cut % cuts.length]!
          pieces.push(text.slice(i, i + length))
          i += length
        }
        const result = run(pieces, opened ? 'Q<think>' : 'Q')
        expect(result.thinking).toBe(thought)
        expect(result.answer).toBe(said)
      }),
    )
  })
})
