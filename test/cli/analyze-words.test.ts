/**
 * `dynts analyze words`: words of a text that was given, with importance of our own.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadModel } from 'dynts'
import { beforeAll, expect, test } from 'vitest'
import { readRecords } from '../../src/records/read-records.ts'
import { traceRecords, type KeptTrace } from '../../src/traces/trace-record.ts'
import { writeImportanceFolder } from '../support/importance-folder.ts'
import { dynts, refusal, scratch } from './run-dynts.ts'

const thinking = 'The sum is 12, and so the house is 7.'
/** The words of that text, by falling importance. */
const important = ['sum', 'house', '12', '7', 'The', 'the', 'is', 'and', 'so']
const at = (name: string) => join(scratch, name)
const analyze = async (folder: string, ...more: string[]) => {
  const common = ['--model', 'tiny', '--offline', '--traces', 'words.traces.jsonl']
  const finished = await dynts(['analyze', 'words', folder, ...common, ...more])
  // A busy machine takes long enough to be told how far it is.
  return { ...finished, stderr: finished.stderr.replaceAll(/^traces: .*\n/gm, '') }
}

let trace: KeptTrace
let folder: string
/** The word that each thinking token is of; of marks and spaces the empty one. */
let wordOfEach: string[]

beforeAll(async () => {
  const row = { id: 'q', question: 'What?', thinking, reply: 'It is \\boxed{7}.' }
  writeFileSync(at('given.jsonl'), `${JSON.stringify(row)}\n`)
  const given = await dynts([
    'trace',
    '--model',
    'tiny',
    '--offline',
    '--given',
    'given.jsonl',
    '-o',
    'words.traces.jsonl',
  ])
  expect(given.code).toBe(0)
  const [found] = [...readRecords(at('words.traces.jsonl'), traceRecords)]
  if (found?.outcome !== 'kept') throw new Error('the trace was not kept')
  trace = found
  await using model = await loadModel('tiny', { vocabularyOnly: true, gpu: 'off' })
  const texts = await model.detokenize(trace.tokens.slice(trace.thinkStart, trace.thinkEnd))
  const whole = texts.join('')
  expect(whole.trim()).toBe(thinking)
  let end = 0
  wordOfEach = texts.map(({ length }) => {
    end += length
    const [before = ''] = /\w*$/.exec(whole.slice(0, end - 1)) ?? []
    const [after = ''] = /^\w*/.exec(whole.slice(end - 1)) ?? []
    return after === '' ? '' : before + after
  })
  const importance = wordOfEach.map((word) => (word === '' ? 0 : important.length - important.indexOf(word)))
  folder = writeImportanceFolder(at('words'), [{ trace, importance }])
})

test('the tokens of a word have its class, and fall into the tenths by their importance', async () => {
  const { code, stdout, stderr } = await analyze(folder, '--csv', 'words.csv', '-o', 'words.json', '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const record = JSON.parse(stdout) as { traces: { byDecile: { content: number; symbol: number }[] }[] }
  expect(JSON.parse(readFileSync(at('words.json'), 'utf8'))).toEqual(record)
  const n = trace.thinkingTokens
  const share = (words: readonly string[]) => wordOfEach.filter((word) => words.includes(word)).length / n
  const all = { content: { mean: share(['sum', 'house', 'so']) }, symbol: { mean: share(['12', '7']) } }
  expect(record).toMatchObject({
    schema: 'dynts.analyze.words/1',
    summary: { traces: 1, questions: 1, thinkingTokens: n, all },
  })
  // All content words but "so" come first, and the numbers behind them.
  const falling = important.flatMap((word) => wordOfEach.filter((each) => each === word))
  const { byDecile } = record.traces[0]!
  byDecile.forEach(({ content, symbol }, i) => {
    const ofTenth = Array.from({ length: n }, (_, rank) => rank).filter((rank) => Math.floor((10 * rank) / n) === i)
    const shareOf = (words: readonly string[]) =>
      ofTenth.filter((rank) => words.includes(falling[rank] ?? '')).length / ofTenth.length
    expect({ i, content, symbol }).toEqual({
      i,
      content: shareOf(['sum', 'house', 'so']),
      symbol: shareOf(['12', '7']),
    })
  })
  expect(byDecile[0]).toMatchObject({ content: 1, symbol: 0 })
  expect(readFileSync(at('words.csv'), 'utf8')).toMatch(
    /^id,question,thinking_tokens,content,function,symbol,content_1,/,
  )
})

test('says which traces it leaves out, and why', async () => {
  const other = { ...trace, id: 'x#0' }
  const importance = wordOfEach.map(() => 1)
  const larger = writeImportanceFolder(at('larger'), [
    { trace, importance },
    { trace: other, importance },
  ])
  writeFileSync(
    at('more.jsonl'),
    [trace, { ...trace, id: 'y#0' }, trace].map((one) => `${JSON.stringify(one)}\n`).join(''),
  )
  const { code, stdout, stderr } = await analyze(larger, '--traces', 'more.jsonl', '--json')
  expect(code).toBe(0)
  expect(stderr).toBe(
    `1 trace of ${larger} left out: not in more.jsonl\n1 trace of more.jsonl left out: not measured in ${larger}\n`,
  )
  expect(JSON.parse(stdout)).toMatchObject({ summary: { traces: 1 }, leftOut: { absent: 1, notMeasured: 1 } })
})

test('as a table and as a figure, beside what was published', async () => {
  const { stdout } = await analyze(folder, '-o', 'words.json')
  expect(stdout).toMatch(/^top 10 % +100\.0 % +0\.0 % +0\.0 % +37\.5 % to 56\.6 %$/m)
  expect(stdout).toMatch(/first tenth less those in the last: \+100\.0 points\. Published: \+14\.\d to \+20\.3/)
  const drawn = await dynts(['report', 'words.json', '--figure', 'content-words', '--json'])
  const { pictures } = JSON.parse(drawn.stdout) as { pictures: { rows: object[] }[] }
  expect(pictures[0]?.rows[0]).toMatchObject({ 'content words': 100, 'published, most': 56.6 })
})

test('refuses traces and importance that do not belong together', async () => {
  expect(refusal(await analyze(folder, '--traces', 'none.jsonl'))).toMatch(/none\.jsonl/)
  const refused = async (name: string, one: KeptTrace, model = one.model) =>
    refusal(await analyze(writeImportanceFolder(at(name), [{ trace: one, importance: [1] }], model)))
  expect(await refused('of-another', trace, { ...trace.model, hiddenSize: 2 })).toMatch(/hidden size/i)
  expect(await refused('shorter', trace)).toMatch(/another trace q#0/)
  expect(await refused('elsewhere', { ...trace, id: 'x#0' })).toMatch(/none of the traces/)
})
