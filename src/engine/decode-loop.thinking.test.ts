/**
 * Thinking that is closed in the model's stead, and who closed it.
 */
import { describe, expect, test } from 'vitest'
import { FakeLoop, runAlone, scripted } from './loop.fake.ts'
import { closeTag, eos, openTag, textOf, token, tokens } from './vocabulary.fake.ts'

describe('the thinking budget', () => {
  const thoughts = tokens('a|b|c|d|a|b|c|d|a|b|c|d')

  test.each([0, 1, 3, 7])(
    'of %d: that many tokens of the model, then the tag, and the model answers',
    (thinkingBudget) => {
      const script = [...thoughts.slice(0, thinkingBudget), ...tokens('S|T'), eos]
      const loop = scripted(script, { thinkingBudget, maxTokens: 100 })
      const forced = tokens('\n|</think>|\n\n')
      expect(loop.generated(1)).toEqual([...thoughts.slice(0, thinkingBudget), ...forced, ...tokens('S|T'), eos])
      expect(loop.samplers[0]!.accepted).toEqual(forced)
      expect(loop.result(1)).toMatchObject({
        finishReason: 'stop',
        thinking: textOf(thoughts.slice(0, thinkingBudget)),
        answer: 'ST',
      })
    },
  )

  test('does nothing to a model that closes its thinking in time, or does not think', () => {
    const script = [...tokens('a|b|</think>|c'), eos]
    expect(scripted(script, { thinkingBudget: 3 }).generated(1)).toEqual(script)
    expect(scripted(script, { thinkingBudget: 2, prompt: { text: 'Q' } }).generated(1)).toEqual(script)
  })

  test('does not interfere with a replay', () => {
    const replay = [...thoughts, closeTag, token('a')]
    const loop = runAlone({ prompt: { text: 'Q<think>' }, policy: 'full', replay, thinkingBudget: 3 })
    expect(loop.generated(1)).toEqual(replay)
  })

  test('counts from the tag that the model opens', () => {
    const script = [openTag, ...thoughts.slice(0, 2), token('S'), eos]
    const loop = scripted(script, { thinkingBudget: 2, prompt: { text: 'Q' }, maxTokens: 50 })
    expect(loop.generated(1)).toEqual([openTag, ...thoughts.slice(0, 2), ...tokens('\n|</think>|\n\n|S'), eos])
  })

  test('ends at maxTokens like any other generation', () => {
    const loop = scripted([...thoughts], { thinkingBudget: 3, maxTokens: 5 })
    expect(loop.result(1)).toMatchObject({ finishReason: 'length', thinking: 'abc', answer: '' })
    expect(loop.generated(1)).toHaveLength(5)
  })
})

describe('a model that ends within its thinking', () => {
  const script = [...tokens('a|b'), eos, ...tokens('S|T'), eos]

  test('goes on to its answer where that has a form', () => {
    const loop = scripted(script, { answerSchema: true, maxTokens: 50 })
    expect(loop.generated(1)).toEqual(tokens('a|b|\n|</think>|\n\n|S|T|<eos>'))
    expect(loop.result(1)).toMatchObject({ thinking: 'ab', answer: 'ST', thinkingEnd: 'model', finishReason: 'stop' })
  })

  test('without the last words that a limit gives', () => {
    const limits = { thinkingBudget: 30, wrapUp: 'a', answerSchema: true, maxTokens: 50 }
    expect(scripted(script, limits).generated(1)).toEqual(tokens('a|b|\n|</think>|\n\n|S|T|<eos>'))
  })

  test('has ended where it has none', () => {
    const loop = scripted(script, { maxTokens: 50 })
    expect(loop.result(1)).toMatchObject({ thinking: 'ab', answer: '', thinkingEnd: 'unclosed', finishReason: 'stop' })
  })
})

test('a thinking whose text never becomes whole is closed four tokens later', () => {
  for (const half of [0xc3, '<'] as const) {
    const halves = Array.from({ length: 20 }, () => token(half))
    const loop = scripted([token('a'), ...halves, token('S'), eos], { thinkingBudget: 2, maxTokens: 50 })
    expect(loop.generated(1).slice(0, 9)).toEqual([token('a'), ...halves.slice(0, 5), ...tokens('\n|</think>|\n\n')])
    expect(loop.result(1).thinkingEnd).toBe('thinking-budget')
  }
})

describe('is not closed within', () => {
  test('a character', () => {
    const script = [...tokens('a|b'), token(0xf0), token(0x9f), token(0x99), token(0x82), token('S'), eos]
    const loop = scripted(script, { thinkingBudget: 4, maxTokens: 50 })
    expect(loop.generated(1)).toEqual([...script.slice(0, 6), ...tokens('\n|</think>|\n\n|S'), eos])
    expect(loop.result(1)).toMatchObject({ thinking: 'ab🙂', answer: 'S', thinkingEnd: 'thinking-budget' })
  })

  test('a tag: the model may be closing it by itself', () => {
    const itself = [...tokens('a|</|think|>|b'), eos]
    expect(scripted(itself, { thinkingBudget: 2, maxTokens: 50 }).generated(1)).toEqual(itself)
    expect(scripted(itself, { thinkingBudget: 2 }).result(1)).toMatchObject({ thinkingEnd: 'model', thinking: 'a' })
    const other = [...tokens('a|</|b|S'), eos]
    const loop = scripted(other, { thinkingBudget: 2, maxTokens: 50 })
    expect(loop.generated(1)).toEqual(tokens('a|</|b|\n|</think>|\n\n|S|<eos>'))
  })
})

describe('a reserve for the answer', () => {
  test('closes the thinking while that many tokens are left', () => {
    const script = [...tokens('a|b|c|d|a|b|c|d|a|b|c|d'), ...tokens('S|T|S|T|S|T')]
    const loop = scripted(script, { answerReserve: 4, maxTokens: 12 })
    // 5 of thinking, 3 of the closing tag, 4 for the answer.
    expect(loop.result(1)).toMatchObject({ thinking: 'abcda', thinkingEnd: 'answer-reserve', finishReason: 'length' })
    expect(loop.result(1).usage).toMatchObject({ thinkingTokens: 5, answerTokens: 7 })
  })

  test('does nothing to a thinking that ends in time', () => {
    const script = [...tokens('a|b|</think>|c'), eos]
    const loop = scripted(script, { answerReserve: 4, maxTokens: 12 })
    expect(loop.generated(1)).toEqual(script)
    expect(loop.result(1).thinkingEnd).toBe('model')
  })

  test('that leaves nothing to think with is refused', () => {
    expect(() => scripted([eos], { answerReserve: 5, maxTokens: 5 })).toThrow(
      '`answerReserve` must be below `maxTokens` (5)',
    )
  })
})

describe('loops', () => {
  const period = tokens('a|b|c|ab|d')
  const looping = Array.from({ length: 40 }, () => period).flat()

  test('are closed when that is asked for', () => {
    const script = [...tokens('S|T'), ...looping]
    const open = scripted(script, { maxTokens: 150 })
    expect(open.result(1)).toMatchObject({ thinkingEnd: 'unclosed', answer: '' })
    const closed = scripted(script, { stopLoops: true, maxTokens: 150 })
    expect(closed.result(1).thinkingEnd).toBe('loop')
    // Looked for every 16 tokens, and known from 64 on.
    expect(closed.result(1).usage.thinkingTokens).toBe(80)
  })

  test('what is no exact repetition goes on', () => {
    // The Thue-Morse sequence: nothing in it stands three times in a row.
    const isOdd = (i: number) => i.toString(2).replaceAll('0', '').length % 2
    const counting = Array.from({ length: 200 }, (_, i) => token(isOdd(i) ? 'a' : 'b'))
    expect(scripted(counting, { stopLoops: true }).result(1).thinkingEnd).toBe('unclosed')
  })
})

describe('last words', () => {
  test('stand before the closing tag and belong to the thinking', () => {
    const script = [...tokens('a|b|c'), ...tokens('S|T'), eos]
    const loop = scripted(script, { thinkingBudget: 3, wrapUp: ' stop. ', maxTokens: 50 })
    expect(loop.generated(1)).toEqual([
      ...tokens('a|b|c'),
      ...tokens('\n|stop|.|\n|</think>|\n\n'),
      ...tokens('S|T'),
      eos,
    ])
    expect(loop.result(1)).toMatchObject({ thinking: 'abc\nstop.', answer: 'ST', thinkingEnd: 'thinking-budget' })
    expect(loop.result(1).usage).toMatchObject({ thinkingTokens: 6, answerTokens: 6 })
  })

  test.each([
    [{ wrapUp: 'stop' }, '`wrapUp` has no effect without'],
    [{ wrapUp: 'stop</think>', thinkingBudget: 3 }, 'wrap-up must not contain the tag </think>'],
  ])('%j is refused', (request, message) => {
    expect(() => scripted([eos], request)).toThrow(message)
  })
})

describe('who closed the thinking', () => {
  test.each([
    ['the model', tokens('a|</think>|b'), 'model'],
    ['nobody', tokens('a|b'), 'unclosed'],
    ['an end token within it', [...tokens('a|b'), eos], 'unclosed'],
  ])('%s', (_name, script, thinkingEnd) => expect(scripted(script).result(1).thinkingEnd).toBe(thinkingEnd))

  test('there was none', () => {
    expect(scripted(tokens('a|b'), { prompt: { text: 'Q' } }).result(1).thinkingEnd).toBeNull()
  })

  test('one that nothing had opened', () => {
    const loop = scripted(tokens('a|</think>|b'), { prompt: { text: 'Q' } })
    expect(loop.result(1)).toMatchObject({ thinkingEnd: 'model', thinking: 'a', answer: 'b' })
  })

  test('of a replay, what its tokens say', () => {
    const loop = runAlone({ prompt: { text: 'Q<think>' }, policy: 'full', replay: tokens('a|</think>|b') })
    expect(loop.result(1).thinkingEnd).toBe('model')
  })
})

describe('endThinking', () => {
  const started = (script: readonly number[], text = 'Q<think>') => {
    const loop = new FakeLoop({ cells: 64, sequences: 1 }, { scripts: { 0: script } })
    loop.submit(1, { prompt: { text }, policy: 'full', maxTokens: 60 })
    return loop
  }

  test('closes the thinking at the next token, and the model answers', () => {
    const loop = started([...tokens('a|b|c|S|T'), eos])
    loop.onStep = (items) => {
      const texts = items.map((item) => ('event' in item && item.event.type === 'token' ? item.event.text : ''))
      if (texts.includes('b')) loop.loop.endThinking(1)
    }
    loop.finish()
    expect(loop.generated(1)).toEqual([...tokens('a|b|c|\n|</think>|\n\n|S|T'), eos])
    expect(loop.result(1)).toMatchObject({ thinking: 'abc', answer: 'ST', thinkingEnd: 'caller' })
  })

  test('does nothing to an answer, and nothing to a request that is not there', () => {
    const loop = started([...tokens('a|</think>|S|T'), eos])
    loop.onStep = () => {
      loop.loop.endThinking(7)
      if (loop.tokenEvents(1).some(({ text }) => text === 'S')) loop.loop.endThinking(1)
    }
    loop.finish()
    expect(loop.result(1)).toMatchObject({ thinking: 'a', answer: 'ST', thinkingEnd: 'model' })
  })
})
