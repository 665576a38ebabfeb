import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { errorLine, messageLine, shellWord } from './message-line.ts'

test('a message is one line, whatever it repeats', () => {
  expect(messageLine('no file a\nb\u001B[31m\u202Ec\r\n')).toBe('no file a\\nb\\x1b[31m\\u202ec\\r\\n')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(messageLine(text)).not.toMatch(/[\p{Cc}\u2028\u2029]/u)
    }),
  )
})

test('what is wrong ends with a full stop, whoever says it', () => {
  expect(errorLine('two models: a and b\n')).toBe('two models: a and b.')
  for (const whole of ['There is no file x. Check the path.', "unknown option '--bugdet' (Did you mean --budget?)"])
    expect(errorLine(whole)).toBe(whole)
})

test('long values are cut in the middle, so that what is wrong and what to do stay', () => {
  const long = messageLine(`--budget must be a number, not "${'9'.repeat(100_000)}". Give a smaller one.`)
  expect(long).toMatch(/^--budget must be a number, not "9+ … 9+"\. Give a smaller one\.$/)
  expect(long.length).toBeLessThan(700)
  const words = messageLine(`No file "${'a b '.repeat(30_000)}". Give another one.`)
  expect(words).toMatch(/^No file "a b .* … .*"\. Give another one\.$/)
  expect(words.length).toBeLessThan(3100)
  const short = `a path of ${'x'.repeat(300)}/file cannot be read`
  expect(messageLine(short)).toBe(short)
})

test('no character is cut in two', () => {
  expect(messageLine('😀'.repeat(2000))).toMatch(/^(😀)+ … (😀)+$/u)
})

test.each([
  ['plain/path-1.jsonl', 'plain/path-1.jsonl'],
  ['Qwen/Qwen3-4B-GGUF:Q4_K_M', 'Qwen/Qwen3-4B-GGUF:Q4_K_M'],
  ['with space', "'with space'"],
  ['$x', "'$x'"],
  ["it's", "'it'\\''s'"],
  ['', "''"],
  ['-f', "'./-f'"],
])('%j in a command is %s', (text, word) => {
  expect(shellWord(text)).toBe(word)
})

test('a shell reads a word as it was', () => {
  const texts = fc.string({
    unit: fc.constantFrom(...Array.from('ab \'"$`\\!*?~&|;<>()[]{}#=\n\t%-ä')),
    minLength: 1,
    maxLength: 12,
  })
  const words = fc.sample(texts, 200).filter((text) => !text.startsWith('-'))
  const script = `printf '%s\\0' ${words.map(shellWord).join(' ')}`
  expect(execFileSync('bash', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1)).toEqual(words)
})
