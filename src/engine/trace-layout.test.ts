import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InputError } from '../errors.ts'
import type { Vocabulary } from './forward-pass.ts'
import { layOutTrace, type Completion } from './trace-layout.ts'
import { tagsOf } from '../llama/thinking-tags.ts'

/** One token for each letter, and one for each special text. */
class LetterVocabulary implements Vocabulary {
  readonly specialTexts = []
  readonly bos = 0
  readonly eos = 1
  readonly addsBos = false
  readonly #texts = ['<s>', '</s>', '<user>', '<think>', '</think>']

  constructor(specials: readonly string[] = []) {
    this.#texts.push(...specials)
    for (let code = 1; code < 128; code++) this.#texts.push(String.fromCharCode(code))
  }

  get size(): number {
    return this.#texts.length
  }

  isToken(token: number): boolean {
    return token in this.#texts
  }

  endsGeneration(token: number): boolean {
    return token === this.eos
  }

  tokenize(text: string): Int32Array {
    const tokens: number[] = []
    for (let at = 0; at < text.length;) {
      const token = this.#texts.findIndex((piece) => text.startsWith(piece, at))
      tokens.push(token)
      at += this.#texts[token]!.length
    }
    return Int32Array.from(tokens)
  }

  tokenizeContinuation(text: string): Int32Array {
    return this.tokenize(text)
  }

  piece(token: number): Uint8Array {
    return new TextEncoder().encode(this.#texts[token])
  }
}

const thinkingTags = tagsOf({ open: '<think>', close: '</think>' })
/** Leaves the thinking to the model to open. */
const plainTemplate = '<user>{{ messages[0].content }}'
/** Opens the thinking itself. */
const openTemplate = `${plainTemplate}<think>`
const prompt = { messages: [{ role: 'user' as const, content: 'Q?' }] }

function layOut(completion: Completion, { chatTemplate = openTemplate, vocab = new LetterVocabulary() } = {}) {
  const layout = layOutTrace({ vocab, chatTemplate, thinkingTags }, prompt, completion)
  const text = (from: number, to?: number) =>
    [...layout.tokens.subarray(from, to)].map((token) => new TextDecoder().decode(vocab.piece(token))).join('')
  return {
    ...layout,
    parts: [
      text(0, layout.promptTokens),
      text(layout.promptTokens, layout.thinkStart),
      text(layout.thinkStart, layout.thinkEnd),
      text(layout.thinkEnd, layout.answerStart),
      text(layout.answerStart),
    ],
  }
}

describe('the parts of a text', () => {
  test('a template that opens the thinking: the tag belongs to the prompt', () => {
    const layout = layOut('\nhm\n</think>\n\n4</s>')
    expect(layout.parts).toEqual(['<user>Q?<think>', '', '\nhm\n', '</think>', '\n\n4</s>'])
    expect(layout).toMatchObject({ thinkingParts: 1, thinking: '\nhm\n', answer: '\n\n4' })
  })

  test('a model that opens the thinking: tag and white space before it are no thinking', () => {
    const layout = layOut('\n<think>\nhm\n</think>4</s>', { chatTemplate: plainTemplate })
    expect(layout.parts).toEqual(['<user>Q?', '\n<think>', '\nhm\n', '</think>', '4</s>'])
    expect(layout.thinkingParts).toBe(1)
  })

  test('tags of several tokens, or inside a token', () => {
    const completion = 'hm.</thinking>\nfour</s>'
    const options = { vocab: new LetterVocabulary(['.</']) }
    const layout = layOutTrace(
      {
        vocab: options.vocab,
        chatTemplate: plainTemplate,
        thinkingTags: tagsOf({ open: '<thinking>', close: '</thinking>' }),
      },
      { text: 'Q<thinking>' },
      completion,
    )
    // The token `.</` holds a part of the tag, so it is the tag's.
    expect(layout.thinkEnd - layout.thinkStart).toBe('hm'.length)
    expect(layout.thinkStart).toBe(layout.promptTokens)
    expect(layout).toMatchObject({ thinking: 'hm.', answer: '\nfour', thinkingParts: 1 })
    expect(layout.tokens.length - layout.answerStart).toBe('\nfour</s>'.length - '</s>'.length + 1)
  })

  test('a thinking that nothing has opened, and that is closed', () => {
    const layout = layOut('hm\n</think>\n\n4</s>', { chatTemplate: plainTemplate })
    expect(layout.parts).toEqual(['<user>Q?', '', 'hm\n', '</think>', '\n\n4</s>'])
    expect(layout).toMatchObject({ thinkingParts: 1, thinking: 'hm\n', answer: '\n\n4' })
  })

  test('no thinking part: three times the first generated position', () => {
    const layout = layOut('four</s>', { chatTemplate: plainTemplate })
    const { promptTokens: first } = layout
    expect(layout).toMatchObject({ thinkStart: first, thinkEnd: first, answerStart: first, thinkingParts: 0 })
    expect(layout.answer).toBe('four')
  })

  test('thinking that never ends', () => {
    expect(layOut('hm hm').parts).toEqual(['<user>Q?<think>', '', 'hm hm', '', ''])
    expect(layOut('hm hm</s>').parts).toEqual(['<user>Q?<think>', '', 'hm hm', '', '</s>'])
  })

  test.each([
    ['<think>', 'a</think>b<think>c'],
    ['</think>', 'a</think>b</think>c'],
    ['both tags', 'a</think>b<think>c</think>d'],
    ['a tag inside', 'a<think>b</think>c'],
  ])('several thinking parts: %s', (_, completion) => {
    expect(layOut(completion).thinkingParts).toBe(2)
  })

  test('tags in the question are no thinking', () => {
    const vocab = new LetterVocabulary()
    const messages = [{ role: 'user' as const, content: 'what is <think>?' }]
    const layout = layOutTrace({ vocab, chatTemplate: plainTemplate, thinkingTags }, { messages }, 'x</s>')
    expect(layout.thinkingParts).toBe(0)
  })

  test('token ids are taken as they are, and checked', () => {
    const vocab = new LetterVocabulary()
    const text = 'hm</think>4</s>'
    expect(layOut([...vocab.tokenize(text)]).tokens).toEqual(layOut(text).tokens)
    expect(() => layOut([100_000])).toThrow(InputError)
  })
})

describe('thinking and answer of another server', () => {
  const layOutParts = (thinking: string, answer: string, ended = true, chatTemplate = openTemplate) =>
    layOut({ thinking, answer, ended }, { chatTemplate }).parts.join('|')

  test('are put together as the template begins them, with the end token', () => {
    expect(layOutParts('hm\n', '\n\n4')).toBe('<user>Q?<think>||hm\n|</think>|\n\n4</s>')
    expect(layOutParts('\nhm\n', '4', true, plainTemplate)).toBe('<user>Q?|<think>|\nhm\n|</think>|4</s>')
  })

  test('get the line breaks back that servers cut off', () => {
    expect(layOutParts('hm', '4')).toBe('<user>Q?<think>||hm\n|</think>|\n\n4</s>')
    expect(layOutParts('hm', '4', true, plainTemplate)).toBe('<user>Q?|<think>|\nhm\n|</think>|\n\n4</s>')
  })

  test('cut off: no end token, and no closing tag if there is no answer', () => {
    expect(layOutParts('hm', '', false)).toBe('<user>Q?<think>||hm||')
    expect(layOutParts('hm\n', 'fo', false)).toBe('<user>Q?<think>||hm\n|</think>|fo')
  })

  test('without thinking nothing counts as thinking', () => {
    expect(layOutParts('', '4')).toBe('<user>Q?<think>|||</think>|4</s>')
    expect(layOut({ thinking: '', answer: '4', ended: true }, { chatTemplate: plainTemplate }).thinkingParts).toBe(0)
  })
})

describe('parts that were cut out of a text keep its white space', () => {
  const eachTemplate = (cutFrom: 'tag' | 'thinking', thinking: string, answer: string) =>
    [openTemplate, `${openTemplate}{{ "\\n" }}`, plainTemplate].map((chatTemplate) =>
      layOut({ thinking, answer, ended: true, cutFrom }, { chatTemplate }).parts.join('|'),
    )

  test('a text with its opening tag: what the template writes is not repeated', () => {
    expect(eachTemplate('tag', '\nhm', '4')).toEqual([
      '<user>Q?<think>||\nhm|</think>|4</s>',
      '<user>Q?<think>\n||hm|</think>|4</s>',
      '<user>Q?|<think>|\nhm|</think>|4</s>',
    ])
  })

  test('a text that began behind it', () => {
    expect(eachTemplate('thinking', 'hm', '\n\n4')).toEqual([
      '<user>Q?<think>||hm|</think>|\n\n4</s>',
      '<user>Q?<think>\n||hm|</think>|\n\n4</s>',
      '<user>Q?|<think>|\nhm|</think>|\n\n4</s>',
    ])
  })

  test('one end token, also if the text has it', () => {
    const ended = { thinking: 'hm', answer: '4</s>', ended: true, cutFrom: 'tag' } as const
    expect(layOut(ended).parts.join('|')).toBe('<user>Q?<think>||hm|</think>|4</s>')
  })

  test('thinking that is not closed stays so', () => {
    const open = { thinking: '\nhm', answer: '', ended: false, cutFrom: 'tag' } as const
    expect(layOut(open, { chatTemplate: plainTemplate }).parts.join('|')).toBe('<user>Q?|<think>|\nhm||')
  })
})

test('the parts are in order and tile the trace, whatever was generated', () => {
  const piece = fc.constantFrom('<think>', '</think>', '<', '/', 'think>', '\n', 'a', ' ', '</s>')
  const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
  fc.assert(
    fc.property(text, fc.constantFrom(plainTemplate, openTemplate), (completion, chatTemplate) => {
      const { promptTokens, thinkStart, thinkEnd, answerStart, tokens, thinkingParts } = layOut(completion, {
        chatTemplate,
      })
      expect(promptTokens).toBeLessThanOrEqual(thinkStart)
      expect(thinkStart).toBeLessThanOrEqual(thinkEnd)
      expect(thinkEnd).toBeLessThanOrEqual(answerStart)
      expect(answerStart).toBeLessThanOrEqual(tokens.length)
      if (thinkingParts === 0) expect(answerStart).toBe(promptTokens)
    }),
  )
})
