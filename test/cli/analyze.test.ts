/**
 * `dynts analyze`: what it prints, what it refuses.
 */
import { describe, expect, test } from 'vitest'
import { analyzeCostCommand } from '../../src/cli/commands/analyze-cost.ts'
import { refusalOf } from './refusal-of.ts'
import { dynts, refusal } from './run-dynts.ts'

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
