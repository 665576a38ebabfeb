import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CellKind } from '../cache/windows.ts'
import { ReasoningPhase, type Segment } from './reasoning-phase.ts'
import { findThinkingTags, tagsOf, type ThinkingTags } from '../llama/thinking-tags.ts'

const tags = tagsOf({ open: '<think>', close: '</think>' })
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
  for (const segment of phase.finish(false).segments) texts[segment.phase] += segment.text
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
        // Tags right at the beginning of a part are no text.
        fc.pre(![thought, said].some((part) => /^\s*<\/?think>/.test(part)))
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

describe('formats', () => {
  const harmony = findThinkingTags(
    '<|channel|>analysis<|message|> <|end|> <|start|>assistant<|channel|>final<|message|>',
  )
  const cohere = findThinkingTags('<|START_THINKING|> <|END_THINKING|> <|START_RESPONSE|>')
  const apriel = findThinkingTags('Here are my reasoning steps: [BEGIN FINAL RESPONSE]')
  const hunyuan = findThinkingTags('<think> </think> <answer>')
  const gemma = findThinkingTags('<|channel>thought <channel|>')
  const kimi = findThinkingTags('◁think▷')
  const plain = tagsOf({ open: '<think>', close: '</think>' })
  const start = '<|start|>assistant'

  /** The text of each phase, at whatever places it is cut into tokens. */
  function split(used: ThinkingTags, text: string, prompt: string, cuts: readonly number[], isCut = false) {
    const phase = new ReasoningPhase(used, prompt)
    const texts = { thinking: '', answer: '' }
    const add = (segments: readonly Segment[]) => segments.forEach((one) => (texts[one.phase] += one.text))
    for (let i = 0, position = 0; i < text.length; position++) {
      const length = cuts[position % cuts.length] ?? 1
      add(phase.push(text.slice(i, i + length), position).segments)
      i += length
    }
    add(phase.finish(isCut).segments)
    return texts
  }
  const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })

  test.each<[string, ThinkingTags, string, string, string, string]>([
    ['harmony', harmony, start, `<|channel|>analysis<|message|>a<|end|>${start}<|channel|>final<|message|>b`, 'a', 'b'],
    ['harmony without analysis', harmony, start, '<|channel|>final<|message|>b', '', 'b'],
    [
      'harmony, thinking twice, with a preamble',
      harmony,
      start,
      `<|channel|>analysis<|message|>a<|end|>${start}<|channel|>commentary<|message|>b<|end|>${start}<|channel|>analysis<|message|>c<|end|>${start}<|channel|>final<|message|>d`,
      'ac',
      'bd',
    ],
    [
      'harmony, opened',
      harmony,
      `${start}<|channel|>analysis<|message|>`,
      `a<|end|>${start}<|channel|>final<|message|>b`,
      'a',
      'b',
    ],
    ['harmony, switched off', harmony, `${start}<|channel|>final<|message|>`, 'b', '', 'b'],
    ['Cohere', cohere, '', '<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>', 'a', 'b'],
    ['Cohere without the answer’s tag', cohere, '<|START_THINKING|>', 'a<|END_THINKING|>b', 'a', 'b'],
    [
      'Apriel',
      apriel,
      'Here are my reasoning steps:\n',
      'a\n[BEGIN FINAL RESPONSE]\nb\n[END FINAL RESPONSE]\n',
      'a\n',
      '\nb\n',
    ],
    ['Hunyuan', hunyuan, '', '<think>\na\n</think>\n<answer>\nb\n</answer>', '\na\n', '\nb\n'],
    ['Hunyuan without the answer’s tag', hunyuan, '<think>', 'a</think>\n\nb <answer> c', 'a', '\n\nb <answer> c'],
    ['Gemma 4', gemma, '', '<|channel>thought\na\n<channel|>b', '\na\n', 'b'],
    ['Kimi', kimi, '◁think▷', 'a◁/think▷b', 'a', 'b'],
    ['the prompt’s tag once more', plain, '<think>\n', '\n<think>\na</think>b', '\n\na', 'b'],
    ['closed twice', plain, '<think>', 'a</think>\n\n</think>\nb</think>c', 'a', '\n\n\nb</think>c'],
    ['begun to think again at once', plain, '<think>', 'a</think>\n<think>b</think>c', 'ab', '\nc'],
    ['a tag inside the thinking', plain, '<think>', 'a <think> b</think>c', 'a <think> b', 'c'],
    ['a tag inside the answer', plain, '<think>', 'a</think>b <think> c', 'a', 'b <think> c'],
  ])('%s', (_name, used, prompt, text, thinking, answer) => {
    fc.assert(
      fc.property(cuts, (lengths) => {
        const parts = split(used, text, prompt, lengths)
        // White space between two tags belongs to neither part, and how much of it is shown depends on the cuts.
        const shown = (part: string) => part.replace(/\s+/g, ' ').trim()
        expect({ thinking: shown(parts.thinking), answer: shown(parts.answer) }).toEqual({
          thinking: shown(thinking),
          answer: shown(answer),
        })
      }),
      { numRuns: 50 },
    )
  })

  test.each<[string, ThinkingTags, string, string, string, string]>([
    ['an opening tag', harmony, start, '<|channel|>anal', '', ''],
    ['a closing tag', plain, '<think>', 'a</thi', 'a', ''],
    [
      'the tags between thinking and answer',
      harmony,
      start,
      `<|channel|>analysis<|message|>a<|end|>${start}<|cha`,
      'a',
      '',
    ],
    ['what is too short to be known for a tag', plain, '<think>', 'a <', 'a <', ''],
    ['a turn that has not opened a thinking', plain, '', 'Hi</thi', '', 'Hi</thi'],
  ])('cut inside %s', (_name, used, prompt, text, thinking, answer) => {
    fc.assert(
      fc.property(cuts, (lengths) => {
        expect(split(used, text, prompt, lengths, true)).toEqual({ thinking, answer })
      }),
      { numRuns: 30 },
    )
  })
})
