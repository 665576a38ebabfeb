import fc from 'fast-check'
import { expect, test } from 'vitest'
import { StopTexts } from './stop-condition.ts'

function run(pieces: string[], stops: string[]) {
  const condition = new StopTexts(stops)
  let text = ''
  for (const piece of pieces) {
    const step = condition.push(piece)
    text += step.text
    if (step.stopped) return { text, stopped: true }
  }
  return { text: text + condition.finish(), stopped: false }
}

test('a stop text ends the answer and is not part of it, also across tokens', () => {
  expect(run(['Hello ', 'wor', 'ld', '!'], ['world'])).toEqual({ text: 'Hello ', stopped: true })
  expect(run(['aab', 'aac', 'x'], ['aac', 'bz'])).toEqual({ text: 'aab', stopped: true })
})

test('it is known which one it was: the first, and of those that begin there the longest', () => {
  const found = (text: string, stops: string[]) => {
    const condition = new StopTexts(stops)
    condition.push(text)
    return condition.found
  }
  expect(found('abcd', ['d', 'b', 'bc'])).toBe('bc')
  expect(found('abcd', ['cd', 'x'])).toBe('cd')
  expect(found('abcd', ['de'])).toBeUndefined()
})

test('nothing follows a stop text', () => {
  const condition = new StopTexts(['b'])
  expect(condition.push('abc')).toEqual({ text: 'a', stopped: true })
  expect(condition.push('ab')).toEqual({ text: '', stopped: true })
  expect(condition.finish()).toBe('')
})

test('what only looks like a stop text is kept', () => {
  expect(run(['Hello wor', 'd', ' wor'], ['world'])).toEqual({ text: 'Hello word wor', stopped: false })
  expect(run(['a', 'b'], [])).toEqual({ text: 'ab', stopped: false })
})

test('however the text is cut, the answer ends at the first stop text in it', () => {
  const letters = fc.array(fc.constantFrom('a', 'b', 'c')).map((all) => all.join(''))
  fc.assert(
    fc.property(fc.array(letters), fc.constantFrom('ab', 'abc', 'aab', 'ccc'), (pieces, stop) => {
      const text = pieces.join('')
      const at = text.indexOf(stop)
      expect(run(pieces, [stop])).toEqual(
        at < 0 ? { text, stopped: false } : { text: text.slice(0, at), stopped: true },
      )
    }),
  )
})
