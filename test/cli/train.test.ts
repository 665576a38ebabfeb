/**
 * `dynts train`: what it writes and says, that a finished training is known again, and what it refuses.
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { trainCommand } from '../../src/cli/commands/train.ts'
import { readCheckpoint } from '../../src/predictor/index.ts'
import { ImportanceWriter } from '../../src/traces/importance-writer.ts'
import { syntheticManifest, syntheticTraces, type SyntheticOptions } from '../../src/training/synthetic.fake.ts'
import { tinyPredictor } from '../oracle.ts'
import { refusalOf } from './refusal-of.ts'
import { noLock } from '../support/no-lock.ts'
import { dynts, refusal, scratch, type RunSettings } from './run-dynts.ts'

/** Whole runs, several in a test, on a machine that may be busy. */
vi.setConfig({ testTimeout: 120_000 })
const timeoutMs = 60_000
const at = (name: string) => join(scratch, name)

/** An importance folder of traces whose order can be learned. */
function importanceFolder(name: string, options: SyntheticOptions = {}): string {
  const writer = ImportanceWriter.open(at(name), syntheticManifest(options.hiddenSize), { lock: noLock })
  for (const { record, arrays } of syntheticTraces(options)) writer.add(record, arrays)
  return at(name)
}

const good = importanceFolder('good.importance')
const settings = ['--epochs', '6', '--least-steps', '60', '--learning-rate', '0.03', '--threads', '1', '--gpu', 'off']
const train = (args: readonly string[], run: RunSettings = {}) =>
  dynts(['train', '--importance', good, ...settings, ...args], { timeoutMs, ...run })
const refused = (args: readonly string[], importance = good) =>
  refusalOf(trainCommand(), ['--importance', importance, ...settings, ...args])
const files = (stem: string) =>
  readdirSync(scratch)
    .filter((name) => name.startsWith(`${stem}.`))
    .sort()

describe.concurrent('a training', () => {
  test('writes the predictor, its numbers and its curves, and says how good it is', async () => {
    const output = at('whole.predictor.gguf')
    const recommended = ['--budget', '320', '--local-window', '32', '--ratio', '0.5']
    const { code, stdout, stderr } = await train(['-o', output, ...recommended])
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/held out/) as string })
    expect(files('whole')).toEqual(
      ['curves.svg', 'metrics.json', 'predictor.gguf', 'training'].map((end) => `whole.${end}`),
    )
    expect(stderr).toMatch(/^36 traces of 18 questions to train on, 4 traces of 2 questions held out\.$/m)
    expect(stderr).toMatch(/^A predictor of 8 x 16 x 4 x 1: 60 steps of 4 traces\.$/m)
    expect(stderr).toMatch(/^The batch is smaller than 256, so that 6 epochs give at least 60 steps\.$/m)
    expect(
      stderr.match(/^epoch \d of 6: loss \S+, held out: MSE \S+, tau \S+, top 20 % in predicted top 30 %: \S+ %$/gm),
    ).toHaveLength(6)
    expect(stdout).toMatch(/^true top 20 % in predicted top 30 % +\S+ % +\S+ % +over 80 %$/m)
    expect(stdout).toMatch(/GFLOP\/s performed, \S+ % of a plain matrix product/)

    const checkpoint = await readCheckpoint(output)
    expect(checkpoint).toMatchObject({
      target: 'power:0.3',
      label: 'answer',
      budget: 320,
      localWindow: 32,
      ratio: 0.5,
      model: { architecture: 'qwen2', hiddenSize: 8, layers: 2, vocabularySize: 100, name: 'synthetic' },
      heldOut: { traces: 4 },
    })
    expect(checkpoint.heldOut?.kendallTau).toBeGreaterThan(0.9)
    expect(Object.keys(checkpoint.heldOut?.overlap ?? {})).toEqual(['20', '30', '40', '50', '60', '70', '80', '90'])

    const metrics = JSON.parse(readFileSync(at('whole.metrics.json'), 'utf8')) as Record<string, unknown>
    expect(metrics).toMatchObject({
      schema: 'dynts.training/1',
      versions: { dynts: expect.any(String) as string, llamaCpp: expect.any(String) as string },
      model: checkpoint.model,
      seed: 0,
      settings: { epochs: 6, learningRate: 0.03, target: 'power:0.3', weightDecay: 0.01, clip: 1 },
      data: { label: 'answer', training: { traces: 36, questions: 18 }, heldOut: { traces: 4, questions: 2 } },
      steps: 60,
      batch: 4,
      batchShrunk: true,
      best: { heldOut: checkpoint.heldOut },
      problem: null,
      throughput: { flopsPerToken: 4 * 196 + 2 * (196 - 128), ratio: expect.any(Number) as number },
    })
    expect(metrics['history']).toHaveLength(7)
    expect(readFileSync(at('whole.curves.svg'), 'utf8')).toMatch(/^<svg[^]*Agreement on held-out traces[^]*<\/svg>$/)
  })

  test('without --output lies beside the importance folder; --json prints the numbers, and only those', async () => {
    const folder = importanceFolder('named.importance')
    const { code, stdout } = await dynts(['train', '--importance', folder, ...settings, '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual(JSON.parse(readFileSync(at('named.metrics.json'), 'utf8')))
    expect(JSON.parse(stdout)).toMatchObject({ predictor: at('named.predictor.gguf') })
    expect(existsSync(at('named.predictor.gguf'))).toBe(true)
  })

  test('Ctrl-C ends it, and the same command goes on', async () => {
    // Far more than it comes to, however late the signal is.
    const args = ['-o', at('ctrl-c.predictor.gguf'), '--epochs', '20000']
    const stoppedAt = (text: string): RunSettings => {
      let sent = false
      return {
        onOutput: (child, _, stderr) => {
          if (!sent && stderr.includes(text)) sent = child.kill('SIGINT')
        },
      }
    }
    const stopped = await train(args, stoppedAt('epoch     1'))
    expect(stopped).toMatchObject({ code: 130, stdout: '' })
    expect(stopped.stderr).toMatch(/Interrupted\. The same command goes on from there\.\n$/)
    expect(existsSync(at('ctrl-c.predictor.gguf'))).toBe(false)
    const again = await train(args, stoppedAt('It goes on after step'))
    expect(again).toMatchObject({ code: 130 })
  })
})

test('a finished training that is run again keeps what was measured', async () => {
  const args = ['-o', at('twice.predictor.gguf')]
  const metrics = () => JSON.parse(readFileSync(at('twice.metrics.json'), 'utf8')) as { throughput: object | null }
  expect((await train(args)).code).toBe(0)
  const first = metrics()
  expect(first.throughput).not.toBeNull()
  const again = await train(args)
  expect(again.code).toBe(0)
  expect(again.stderr).toMatch(/^The training is finished already\./m)
  expect(again.stdout).toMatch(/GFLOP\/s performed/)
  expect(metrics()).toEqual(first)
})

describe('what is there already', () => {
  test('another predictor is only replaced with --force; another training only with --no-resume', async () => {
    const output = at('taken.predictor.gguf')
    cpSync(tinyPredictor, output)
    expect(await refused(['-o', output])).toMatch(/There is a predictor at .* already\. Use --force/)
    expect((await train(['-o', output, '--force'])).code).toBe(0)
    expect(await refused(['-o', output, '--force', '--seed', '5'])).toMatch(
      /holds a training with --seed 0, not 5\. Give --no-resume/,
    )
    const anew = await train(['-o', output, '--force', '--seed', '5', '--no-resume'])
    expect(anew.code).toBe(0)
    expect(files('taken').filter((name) => name.includes('.training.until-'))).toHaveLength(1)
  })

  test('a model is never overwritten', async () => {
    writeFileSync(at('precious.gguf'), 'not a predictor')
    expect(await refused(['-o', at('precious.gguf'), '--force'])).toMatch(/exists and is no predictor/)
  })
})

describe.concurrent('a predictor of no use', () => {
  const noise = importanceFolder('noise.importance', { noise: true })
  const useless = (args: readonly string[]) => dynts(['train', '--importance', noise, ...settings, ...args])

  test('is reported and not written', async () => {
    const output = at('useless.predictor.gguf')
    const { code, stdout, stderr } = await useless(['-o', output])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^dynts: The predictor is of no use: on the held-out traces .*was not written/m)
    expect(files('useless')).toEqual(['useless.training'])
    expect(existsSync(at(join('useless.training', 'useless.metrics.json')))).toBe(true)
  })

  test('is written with --force, with a warning, and a predictor that was there is put aside', async () => {
    const output = at('forced.predictor.gguf')
    cpSync(tinyPredictor, output)
    const { code, stderr } = await useless(['-o', output, '--force'])
    expect(code).toBe(0)
    expect(stderr).toMatch(/^The predictor is of no use.*It was written all the same/m)
    expect((await readCheckpoint(output)).model.name).toBe('synthetic')
    const old = files('forced').find((name) => name.includes('.gguf.until-')) ?? ''
    expect(readFileSync(at(old)).equals(readFileSync(tinyPredictor))).toBe(true)
  })
})

describe('refusals', () => {
  const few = importanceFolder('few.importance', { questions: 6, samplesPerQuestion: 1 })
  const broken = (name: string, breakIt: (folder: string) => void) => {
    cpSync(good, at(name), { recursive: true })
    breakIt(at(name))
    return at(name)
  }

  test('end with exit code 2 and one line', async () => {
    const finished = await dynts(['train', '--importance', at('nowhere'), ...settings])
    expect(refusal(finished)).toMatch(/holds no manifest\.json/)
  })

  test.each<[string, string, string[], RegExp]>([
    [
      'too few traces',
      few,
      [],
      /There are 6 traces of 6 questions, but a predictor needs at least 20 traces of 10 questions/,
    ],
    ['no records', broken('empty', (folder) => rmSync(join(folder, 'importance.jsonl'))), [], /There are 0 traces/],
    ['a shard that is missing', broken('lost', (folder) => rmSync(join(folder, 'shard-00000.bin'))), [], /is missing/],
    [
      'a cut shard',
      broken('cut', (folder) => truncateSync(join(folder, 'shard-00000.bin'), 1000)),
      [],
      /ends before trace/,
    ],
    [
      'a line that is no record',
      broken('line', (folder) => writeFileSync(join(folder, 'importance.jsonl'), '{"x":1}\n')),
      [],
      /line 1/,
    ],
    ['no epochs', good, ['--epochs', '0'], /--epochs must be a whole number from 1 to .*, not 0/],
    ['a time below 0', good, ['--checkpoint-seconds', '-1'], /--checkpoint-seconds must be at least 0, not -1/],
    ['a share of 1', good, ['--validation-share', '1'], /--validation-share must be above 0 and below 1, not 1/],
    ['a target that is none', good, ['--target', 'square'], /"square" is no target/],
    ['a budget below the local window', good, ['--budget', '5', '--local-window', '9'], /at least 11/],
    ['a model of another shape', good, ['--model', 'tiny'], /would not fit .*hidden size 8/],
    ['a folder for the output that is missing', good, ['-o', at('no/such/p.gguf')], /There is no folder/],
    ['a folder as the output', good, ['-o', scratch], /is a folder\. Give the name of a file/],
  ])('%s', async (name, folder, args, message) => {
    const output = args.includes('-o') ? [] : ['-o', at(`${basename(folder)}-${name.length}.predictor.gguf`)]
    expect(await refused([...output, ...args], folder)).toMatch(message)
  })
})
