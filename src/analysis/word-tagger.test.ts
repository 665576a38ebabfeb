import { expect, test } from 'vitest'
import { loadWordTagger, type WordClass } from './word-tagger.ts'

const tag = await loadWordTagger()
const classesOf = (text: string): [string, WordClass][] =>
  tag(text).map(({ start, end, wordClass }) => [text.slice(start, end), wordClass])

test('nouns, verbs, adjectives and adverbs are content, the rest of the words is function', () => {
  expect(classesOf('The old sum quickly grows, and it isn’t\n\n7.5.')).toEqual([
    ['The', 'function'],
    ['old', 'content'],
    ['sum', 'content'],
    ['quickly', 'content'],
    ['grows', 'content'],
    [',', 'function'],
    ['and', 'function'],
    ['it', 'function'],
    ['is', 'function'],
    ['n’t', 'function'],
    ['\n\n', 'function'],
    ['7.5', 'symbol'],
    ['.', 'function'],
  ])
})

test('numbers, signs and commands of LaTeX are the third class', () => {
  const classes = new Map(classesOf('so \\frac{1}{2} + y = 12 and \\boxed{house}'))
  for (const word of ['\\', 'frac', '1', '+', '=', '12', 'boxed'])
    expect([word, classes.get(word)]).toEqual([word, 'symbol'])
  for (const word of ['{', '}', 'and']) expect([word, classes.get(word)]).toEqual([word, 'function'])
  expect(classes.get('house')).toBe('content')
})

test.each([
  '',
  '  ',
  'a\u00a0b\tc\r\nd \u200b e',
  '中文 字符 🙂👍 ﬁ é',
  `${' '.repeat(300)}x__y toString`,
  '“don’t” … \\\\ $x_1$',
])('the words of %j are in its order, and all but its spaces is in one', (text) => {
  const words = tag(text)
  const isInWord = (i: number) => words.some(({ start, end }) => i >= start && i < end)
  const rest = Array.from({ length: text.length }, (_, i) => (isInWord(i) ? '' : text[i]))
  expect(rest.join('').trim()).toBe('')
  expect(words.every(({ start, end }, i) => start < end && start >= (words[i - 1]?.end ?? 0))).toBe(true)
})
