/**
 * `dynts analyze`: what it prints, what it refuses.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { analyzeCostCommand } from '../../src/cli/commands/analyze-cost.ts'
import { analyzeLiveCommand } from '../../src/cli/commands/analyze-live.ts'
import { analyzeImportanceCommand } from '../../src/cli/commands/analyze-importance.ts'
import { importanceSchema } from '../../src/traces/importance-record.ts'
import { ImportanceWriter } from '../../src/traces/importance-writer.ts'
import { tinyPredictor } from '../oracle.ts'
import { noLock } from '../support/no-lock.ts'
import { refusalOf } from './refusal-of.ts'
import { dynts, refusal, scratch } from './run-dynts.ts'

describe('dynts analyze cost', () => {
  test('the published run of R1-Llama, and what of it does not follow', async () => {
    const { code, stdout } = await dynts(['analyze', 'cost', '--published', 'r1-llama'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^predictor +100\.7 MFLOPs a token/m)
    expect(stdout).toMatch(/^1 +192\.0 +192\.0 /m)
    expect(stdout).toMatch(/^5,000 +1 +5,000 +2,900 +0\.58 +0\.58 +1\.00 G +17\.63 G +16\.63 G +0\.94 +0\.87$/m)
    expect(stdout).toMatch(/^15,500 +6 +15,500 +2,900 +0\.19 +0\.19 /m)
    expect(stdout).toMatch(/Those of operations do not: .* from 2\.6 times to 2\.7 times of it\.$/m)
  })

  test('other settings are not compared with what was printed of one', async () => {
    const { stdout } = await dynts(['analyze', 'cost', '--published', 'r1-qwen', '--budget', '3000'])
    expect(stdout).not.toMatch(/published/)
  })

  test('the embedded model, as JSON', async () => {
    const args = ['--budget', '320', '--local-window', '96', '--prompt', '60', '--text', '600', '--bandwidth', '20']
    const { stdout } = await dynts(['analyze', 'cost', ...args, '--json'])
    const record = JSON.parse(stdout) as { points: { tokens: number; ms: { full: number } }[] }
    // 6 layers, d 256, heads as wide as d; W_s 164, of which 65 stay.
    expect(record).toMatchObject({
      schema: 'dynts.analyze.cost/1',
      shape: { hiddenSize: 256, layers: 6, flopsPerCell: 6144, bytesPerCell: 3072 },
      settings: { budget: 320, promptCells: 60, bandwidth: 20e9, sequences: 1 },
      plan: { leaving: 99 },
      predictorFlops: 6 * 256 ** 2 + 256,
      published: null,
    })
    expect(record.points.map(({ tokens }) => tokens)).toEqual([319, 320, 419, 518, 600])
  })

  test('a shape of one’s own', async () => {
    const shape = ['--layers', '28', '--hidden-size', '3584', '--query-heads', '28', '--kv-heads', '4']
    const { stdout } = await dynts(['analyze', 'cost', ...shape, '--parameters', '7e9', '--bits-per-weight', '4.5'])
    expect(stdout).toMatch(/^weights +3\.7 GiB read a step, 14\.00 GFLOPs a token$/m)
    expect(stdout).toMatch(/^cell +56\.0 KiB$/m)
  })

  test('refuses bad input in one line', async () => {
    expect(refusal(await dynts(['analyze', 'cost', '--budget', '100', '--local-window', '99']))).toMatch(
      /--budget must/,
    )
    const says = (...args: string[]) => refusalOf(analyzeCostCommand(), args)
    expect(await says('--published', 'r1-qwen', '--model', 'tiny')).toMatch(/--model has no effect with --published/)
    expect(await says('--published', 'r1-qwen', '--layers', '3')).toMatch(/--layers has no effect/)
    expect(await says('--layers', '3')).toMatch(/a shape needs/)
    expect(await says('--layers', '3', '--model', 'tiny')).toMatch(/--model has no effect with a shape/)
    expect(await says('--text', '10', '--prompt', '10')).toMatch(/--text must be/)
    expect(await says('--prompt', '3500')).toMatch(/does not fit into a budget of 4096/)
    expect(await says('--bandwidth', '0')).toMatch(/--bandwidth must be a number above 0/)
    expect(await says('--parallel', '0')).toMatch(/--parallel must be/)
    expect(await says('--ratio', '2')).toMatch(/--ratio must be/)
  })
})

/** A folder as dynts importance writes it. */
function importanceFolder(
  name: string,
  traces: readonly { id: string; thinking: number[]; prompt: number[] }[],
): string {
  const folder = join(scratch, name)
  const model = { architecture: 'qwen2', hiddenSize: 2, layers: 2, vocabularySize: 10, name: 'a model' }
  const manifest = {
    schema: importanceSchema,
    model,
    label: 'answer',
    kvType: 'f16',
    tokensPerTrace: 1,
    seed: 0,
    versions: {},
  } as const
  const writer = ImportanceWriter.open(folder, manifest, { lock: noLock })
  for (const { id, thinking, prompt } of traces) {
    const counts = { promptTokens: prompt.length, thinkingTokens: thinking.length, answerTokens: 3 }
    writer.add(
      { id, question: id.replace(/#.*/, ''), ...counts },
      {
        importance: Float32Array.from(thinking),
        promptImportance: Float32Array.from(prompt),
        sampled: Int32Array.of(0),
        states: new Uint16Array(2),
      },
    )
  }
  return folder
}

describe('dynts analyze importance', () => {
  const folder = importanceFolder('profiles', [
    { id: 'a#0', thinking: [8, 1, 0, 1, 0, 2, 0, 1, 1, 6], prompt: [6, 2] },
    { id: 'b#0', thinking: [1, 3], prompt: [1] },
  ])

  test('each trace, and all of them, beside what was published', async () => {
    const { code, stdout, stderr } = await dynts(['analyze', 'importance', folder])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^a#0 +10 +2\.00e\+0 +20\.0 % +70\.0 % +0\.62 +2\.00$/m)
    expect(stdout).toMatch(/^b#0 +2 +2\.00e\+0 +50\.0 % +- +0\.25 +0\.50$/m)
    expect(stdout).toMatch(/^Over 2 questions \(2 traces, 12 thinking tokens\):$/m)
    expect(stdout).toMatch(/^thinking tokens above the mean +35\.0 %$/m)
    expect(stdout).toMatch(/by trace: 20\.0 % to 50\.0 %\. Published: 12\.5 % to 28\.1 % \(13 traces/)
    // The first token of a is 4 times its mean, that of b half.
    expect(stdout).toMatch(/^0 to 5 % +2\.25$/m)
  })

  test('as CSV and JSON', async () => {
    const csv = join(scratch, 'profiles.csv')
    const { stdout } = await dynts(['analyze', 'importance', folder, '--csv', csv, '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'dynts.analyze.importance/1',
      model: { name: 'a model' },
      summary: { traces: 2, aboveMeanRange: { least: 0.2, most: 0.5 } },
      traces: [
        { id: 'a#0', aboveMean: 0.2, topShare: 0.7 },
        { id: 'b#0', topShare: null },
      ],
    })
    const lines = readFileSync(csv, 'utf8').split('\n')
    expect(lines[0]).toMatch(
      /^id,question,prompt_tokens,thinking_tokens,mean,above_mean,top_20_share,gini,prompt_ratio,/,
    )
    expect(lines[2]).toMatch(/^b#0,b,1,2,2,0\.5,,0\.25,0\.5,0\.5,,/)
    expect(lines).toHaveLength(4)
  })

  test('one trace: the importance of each of its tokens, also for a picture', async () => {
    const [csv, json] = [join(scratch, 'tokens.csv'), join(scratch, 'trace.json')]
    const { code, stdout } = await dynts(['analyze', 'importance', folder, '--trace', 'b#0', '--csv', csv, '-o', json])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^b#0 +2 +2\.00e\+0 /m)
    expect(stdout).not.toContain('a#0')
    expect(readFileSync(csv, 'utf8')).toBe('part,position,importance\nquestion,0,1\nthinking,0,1\nthinking,1,3\n')
    expect(JSON.parse(readFileSync(json, 'utf8'))).toMatchObject({
      traces: [{ id: 'b#0' }],
      trace: { id: 'b#0', question: 'b', promptImportance: [1], importance: [1, 3] },
    })
    const drawn = await dynts(['report', json, '-o', join(scratch, 'trace.html'), '--json'])
    const { pictures } = JSON.parse(drawn.stdout) as { pictures: { id: string; rows: unknown[] }[] }
    expect(pictures.map(({ id, rows }) => [id, rows.length])).toEqual([['importance-profile-a-model', 3]])
  })

  test('refuses bad input', async () => {
    const csv = join(scratch, 'none.csv')
    expect(refusal(await dynts(['analyze', 'importance', scratch, '--csv', csv]))).toMatch(/holds no manifest\.json/)
    const says = (...args: string[]) => refusalOf(analyzeImportanceCommand(), args)
    expect(await says(importanceFolder('empty', []), '--csv', csv)).toMatch(/holds no trace: run dynts importance/)
    expect(await says(folder, '--trace', 'c#0')).toMatch(/holds no trace c#0/)
    expect(await says(folder, '-o', join(scratch, 'all.json'))).toMatch(/--output has no effect without --trace/)
    mkdirSync(join(scratch, 'folder.csv'))
    expect(await says(folder, '--csv', join(scratch, 'folder.csv'))).toMatch(/folder\.csv/)
    expect(existsSync(csv)).toBe(false)
  })
})

describe('dynts analyze live', () => {
  test('both caches over the same number of tokens, and what a report needs', async () => {
    const file = join(scratch, 'live.json')
    const few = ['--sequences', '2', '--runs', '1', '--tokens', '300', '--budget', '200', '--local-window', '16']
    const { code, stdout, stderr } = await dynts(['analyze', 'live', ...few, '--evict-every', '32', '-o', file])
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toMatch(/^dynts-diverse: budget 200, local window 16, evict-every 32$/m)
    const record = JSON.parse(readFileSync(file, 'utf8')) as {
      settings: { promptTokens: number; tokens: number }
      full: { points: { step: number; usedBytes: number }[] }
      evictions: { step: number; cells: number }[]
    }
    const { promptTokens, tokens } = record.settings
    expect(tokens).toBe(300)
    // The budget is reached at token B - M, and again after each K.
    const first = 200 - promptTokens
    const expected = Array.from({ length: Math.floor((299 - first) / 32) + 1 }, (_, j) => first + 32 * j)
    expect(record.evictions).toHaveLength(expected.length)
    for (const [j, { step }] of record.evictions.entries())
      expect(Math.abs(step - (expected[j] ?? NaN))).toBeLessThan(2)
    const report = await dynts(['report', file, '-o', join(scratch, 'live.html')])
    expect({ code: report.code, stderr: report.stderr }).toMatchObject({ code: 0 })
  })

  test.each([
    [['--policy', 'full'], /--policy full never evicts: there is nothing to compare/],
    [['--tokens', '10'], /--tokens must be a whole number of at least 100/],
    [['--runs', '0'], /--runs must be/],
    [
      ['--policy', 'window', '--budget', '200', '--local-window', '16', '--ratio', '0.5', '--predictor', tinyPredictor],
      /--predictor has no effect under policy window/,
    ],
  ] as const)('%j is refused', async (args, message) => {
    expect(await refusalOf(analyzeLiveCommand(), [...args])).toMatch(message)
  })
})
