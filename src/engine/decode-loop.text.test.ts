import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type FakeLoop, runAlone, scripted } from './loop.fake.ts'
import { closeTag, eos, openTag, textOf, token, tokens } from './vocabulary.fake.ts'
import { tagsOf } from '../llama/thinking-tags.ts'

/** The shown text of each phase. */
function shown(loop: FakeLoop) {
  const text = (phase: string) =>
    loop
      .tokenEvents(1)
      .filter((event) => event.phase === phase)
      .map((event) => event.text)
      .join('')
  return { thinking: text('thinking'), answer: text('answer') }
}

const emoji = [0xf0, 0x9f, 0x99, 0x82].map(token)
const accent = [0xc3, 0xa9].map(token)
/** Pieces of text as one or more tokens each, none of which can be taken for part of a tag. */
const word = fc.constantFrom<number[]>(
  ...['a', 'b', 'c', 'ab', ' ', '\n', '\n\n', '.', 'st', 'op', 'S', 'T', 'think', 'é', 'end'].map((piece) => [
    token(piece),
  ]),
  accent,
  emoji,
)
/** What looks like the beginning of a tag and is none. */
const decoy = fc.constantFrom(
  tokens('<'),
  tokens('<|a'),
  tokens('</|b'),
  tokens('</th| '),
  tokens('<|<|.'),
  tokens('</|think|a'),
)
const text = fc.array(fc.oneof({ weight: 5, arbitrary: word }, decoy)).map((words) => words.flat())
const opening = fc.constantFrom([openTag], tokens('<|think|>'), tokens('\n|<|think|>'))
const closing = fc.constantFrom([closeTag], tokens('</|think|>'))

describe('the text of a generation', () => {
  const generation = fc.record({ thought: text, said: text, open: opening, close: closing, opened: fc.boolean() })

  test('all that is generated is shown once, in its phase, and counted in its phase', () => {
    fc.assert(
      fc.property(generation, fc.boolean(), ({ thought, said, open, close, opened }, ends) => {
        const script = [...(opened ? [] : open), ...thought, ...close, ...said, ...(ends ? [eos] : [])]
        const loop = scripted(script, opened ? {} : { prompt: { text: 'Q' } })
        expect(shown(loop)).toEqual({ thinking: textOf(thought), answer: textOf(said) })
        const result = loop.result(1)
        expect(result.text).toBe(textOf(ends ? script.slice(0, -1) : script))
        expect(result.thinking).toBe(textOf(thought).trim())
        expect(result.answer).toBe(textOf(said).trim())
        expect(result.usage).toEqual({
          promptTokens: opened ? 2 : 1,
          cachedPromptTokens: 0,
          thinkingTokens: thought.length,
          answerTokens: script.length - thought.length,
        })
        expect(loop.tokenEvents(1).flatMap((event) => event.token ?? [])).toEqual(script)
      }),
      { numRuns: 200 },
    )
  })

  test('what precedes a closing tag that nothing has opened is thinking in the result, though it was shown as answer', () => {
    fc.assert(
      fc.property(text, closing, text, (before, close, after) => {
        const script = [token('a'), ...before, ...close, ...after]
        const loop = scripted(script, { prompt: { text: 'Q' } })
        const { thinking, answer, usage } = loop.result(1)
        expect({ thinking, answer }).toEqual({ thinking: `a${textOf(before)}`.trim(), answer: textOf(after).trim() })
        expect(shown(loop)).toEqual({ thinking: '', answer: `a${textOf(before)}${textOf(after)}` })
        const thinkingTokens = 1 + before.length
        expect(usage).toMatchObject({ thinkingTokens, answerTokens: script.length - thinkingTokens })
      }),
    )
  })

  test('of a model whose template names no tags a closing tag is a part of the answer', () => {
    const thinkingTags = tagsOf({ open: '<think>', close: '</think>', areAssumed: true })
    const script = tokens('a|b|</think>|c')
    const loop = runAlone(
      { prompt: { text: 'Q' }, policy: 'full', seed: 1, maxTokens: script.length },
      { scripts: { 1: script }, model: { thinkingTags } },
    )
    expect(loop.result(1)).toMatchObject({ thinking: '', answer: 'ab</think>c', usage: { thinkingTokens: 0 } })
  })

  test('a stop text that was under way when the thinking closed is thinking', () => {
    const loop = scripted(tokens('a|st|</think>|b|stop|c'), { prompt: { text: 'Q' }, stop: ['stop'] })
    expect(loop.result(1)).toMatchObject({ thinking: 'ast', answer: 'b', finishReason: 'stop' })
  })

  test('an end within the thinking is no thinking', () => {
    const { usage, thinking } = scripted([...tokens('a|b|</'), eos]).result(1)
    expect(usage).toMatchObject({ thinkingTokens: 3, answerTokens: 1 })
    expect(thinking).toBe('ab</')
  })

  test('a character is shown when its last byte has come', () => {
    const loop = scripted([...emoji, ...accent])
    expect(loop.tokenEvents(1).map((event) => event.text)).toEqual(['', '', '', '🙂', '', 'é'])
  })

  test('other tags, of several tokens', () => {
    const tags = tagsOf({ open: 'STab', close: 'STc' })
    const script = tokens('S|T|ab|a|ST|b|S|T|c|d'.replace('ST|', 'S|T|'))
    const loop = runAlone(
      { prompt: { text: 'Q' }, policy: 'full', seed: 1, maxTokens: script.length },
      { scripts: { 1: script }, model: { thinkingTags: tags } },
    )
    expect(loop.result(1)).toMatchObject({ thinking: 'aSTb', answer: 'd' })
    expect(loop.result(1).usage).toMatchObject({ thinkingTokens: 4, answerTokens: script.length - 4 })
  })
})

describe('events', () => {
  test('come in order: start, phase, tokens, the next phase, finish', () => {
    const loop = scripted([...tokens('a|</think>|b'), eos])
    expect(loop.of(1).events.map((event) => (event.type === 'phase' ? event.phase : event.type))).toEqual([
      'start',
      'thinking',
      'token',
      'token',
      'answer',
      'token',
      'token',
      'finish',
    ])
  })

  test('an eviction comes after the token whose cell filled the budget, and before the next token', () => {
    const loop = runAlone({
      prompt: { text: 'Q' },
      policy: 'window',
      budget: 8,
      localWindow: 2,
      ratio: 0.5,
      maxTokens: 30,
    })
    const { events } = loop.of(1)
    let consumed = -1
    for (const event of events) {
      if (event.type === 'token') consumed++
      if (event.type === 'eviction') expect(event.step).toBe(consumed + 1)
    }
    expect(loop.evictions(1).map(({ step }) => step)).toEqual([7, 10, 13, 16, 19, 22, 25, 28])
  })

  test('a phase is announced before its first text, each once in a row', () => {
    fc.assert(
      fc.property(text, text, opening, (thought, said, open) => {
        const loop = scripted([...open, ...thought, closeTag, ...said], { prompt: { text: 'Q' } })
        let phase: string | undefined
        for (const event of loop.of(1).events) {
          if (event.type === 'phase') expect(event.phase).not.toBe(phase)
          if (event.type === 'phase') phase = event.phase
          if (event.type === 'token' && event.text !== '') expect(event.phase).toBe(phase)
        }
      }),
    )
  })

  test('every token has its own position, one after the other', () => {
    const loop = scripted(tokens('a|b|</think>|c'))
    expect(loop.tokenEvents(1).map(({ position }) => position)).toEqual([2, 3, 4, 5])
  })
})

describe('stop texts', () => {
  test('end the answer, are not part of it, and do not end the thinking', () => {
    fc.assert(
      fc.property(text, text, fc.constantFrom(['stop'], ['ST', 'end'], ['a.', 'zz']), (thought, said, stop) => {
        const script = [...thought, closeTag, ...said, token('d')]
        const loop = scripted(script, { stop })
        const answer = textOf([...said, token('d')])
        const at = stop.map((one) => answer.indexOf(one))
        const found = at.filter((index) => index >= 0)
        const expected = found.length > 0 ? answer.slice(0, Math.min(...found)) : answer
        expect(shown(loop)).toEqual({ thinking: textOf(thought), answer: expected })
        expect(loop.result(1).answer).toBe(expected.trim())
        expect(loop.result(1).finishReason).toBe(found.length > 0 ? 'stop' : 'length')
      }),
      { numRuns: 100 },
    )
  })

  test('no token is drawn after a stop text', () => {
    const loop = scripted(tokens('</think>|a|st|op|b|c'), { stop: ['stop'] })
    expect(loop.generated(1)).toEqual(tokens('</think>|a|st|op'))
  })

  test('nothing of the token that completes a stop text follows it, also if it might have begun a tag', () => {
    const script = tokens('d|ab|c')
    const request = { prompt: { text: 'Q' }, policy: 'full', stop: ['a'], seed: 1, maxTokens: script.length }
    const tags = tagsOf({ open: 'ST', close: 'bc' })
    const loop = runAlone(request, { scripts: { 1: script }, model: { thinkingTags: tags } })
    expect(loop.generated(1)).toEqual(tokens('d|ab'))
    expect(shown(loop).answer).toBe('d')
    expect(loop.result(1).answer).toBe('d')
  })

  test('a replay of what a stop text has ended gives the same answer, whatever follows', () => {
    const replay = tokens('</think>|a|st|op|b|stop|c')
    const loop = runAlone({ prompt: { text: 'Q<think>' }, policy: 'full', stop: ['stop'], replay })
    expect(loop.generated(1)).toEqual(replay)
    expect(loop.result(1).answer).toBe('a')
  })

  test('text that was held back comes at the end', () => {
    const loop = scripted(tokens('</think>|a|st'), { stop: ['stop'] })
    expect(shown(loop).answer).toBe('ast')
    expect(loop.tokenEvents(1).at(-1)).toMatchObject({ token: null, text: 'st', phase: 'answer' })
  })
})
