/**
 * `dynts calibrate`: what it writes, that `--policy tri` finds it, what it refuses.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { readCalibration } from '../../src/calibration/calibration-file.ts'
import { importanceOracle, tinyF16, tinyPredictor } from '../oracle.ts'
import { keptTrace, writeTraces } from '../support/oracle-traces.ts'
import { dynts, refusal, scratch } from './run-dynts.ts'

vi.setConfig({ testTimeout: 120_000 })
const at = (name: string) => join(scratch, name)
const calibrate = (...args: string[]) =>
  dynts(['calibrate', ...args, '--threads', '1', '--gpu', 'off', '--offline'], { timeoutMs: 60_000 })
const traces = writeTraces(at('traces.jsonl'), importanceOracle().traces.slice(0, 6).map(keptTrace))

/** A model in a folder of its own. */
function modelIn(folder: string): string {
  mkdirSync(at(folder))
  copyFileSync(tinyF16, at(`${folder}/model-F16.gguf`))
  return at(`${folder}/model-F16.gguf`)
}

test('a model is refused under tri until it is calibrated; then its calibration is found', async () => {
  const model = modelIn('found')
  const run = [
    'run',
    '--model',
    model,
    '--policy',
    'tri',
    '--budget',
    '120',
    '--local-window',
    '20',
    '--max-tokens',
    '300',
    '--json',
    'Ava has 2 coins.',
  ]
  expect(refusal(await dynts(run))).toMatch(/policy tri needs a calibration of this model.*run dynts calibrate MODEL/)

  const { code, stdout, stderr } = await calibrate(model, '--traces', traces, '--json', '--tokens', '1000')
  const output = at('found/model-F16.calibration.gguf')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    schema: 'dynts.calibrate/1',
    output,
    source: traces,
    tokens: 1000,
    layers: 6,
    heads: 4,
    pairs: 32,
    pairing: 'halves',
    model: { architecture: 'qwen2' },
  })
  expect((await readCalibration(output)).tokens).toBe(1000)

  expect(stderr.endsWith(`Next: dynts run --model ${model} --policy tri\n`)).toBe(true)
  const ran = await dynts(run, { timeoutMs: 60_000 })
  expect(JSON.parse(ran.stdout)).toMatchObject({ cache: { policy: 'tri', peakCells: 120 } })
})

test('one that lies elsewhere is given, and the end names the command that takes it', async () => {
  const model = modelIn('elsewhere')
  const output = at('a calibration.gguf')
  const { code, stderr } = await calibrate(model, '--tokens', '300', '-o', output)
  expect(code).toBe(0)
  const next = `Next: dynts run --model ${model} --policy tri --calibration '${output}'\n`
  expect(stderr.endsWith(next)).toBe(true)
  const settings = ['--budget', '120', '--local-window', '20', '--max-tokens', '200', '--json']
  const run = ['run', '--model', model, ...settings, 'Ava has 2 coins.']
  const ran = await dynts([...run, '--policy', 'tri', '--calibration', output], { timeoutMs: 60_000 })
  expect(JSON.parse(ran.stdout)).toMatchObject({ cache: { policy: 'tri', peakCells: 120 } })

  const refused = async (...args: string[]) => refusal(await dynts([...run, ...args]))
  expect(await refused('--policy', 'tri')).toMatch(/policy tri needs a calibration of this model/)
  expect(await refused('--policy', 'tri', '--calibration', 'none.gguf')).toMatch(/no calibration file none\.gguf/)
  expect(await refused('--policy', 'tri', '--calibration', tinyPredictor)).toMatch(/not a calibration/)
  expect(await refused('--policy', 'window', '--calibration', output)).toMatch(
    /--calibration has no effect under policy window/,
  )

  const evaluate = [
    'eval',
    '--model',
    model,
    '--task',
    'chain',
    '--policy',
    'full,tri',
    '--limit',
    '1',
    '-o',
    at('tri-eval'),
    '--json',
  ]
  const evaluated = await dynts([...evaluate, '--calibration', output], { timeoutMs: 60_000 })
  expect(evaluated.code).toBe(0)
  // Another calibration would be another policy under the same name.
  await calibrate(model, '--tokens', '100')
  expect(refusal(await dynts(evaluate))).toMatch(/belongs to another run: it has another calibration/)
})

test('the text that comes along, and one of the user', async () => {
  const model = modelIn('texts')
  const builtIn = await calibrate(model, '-o', at('built-in.gguf'), '--tokens', '300')
  expect(builtIn).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/24 heads in 6 layers of .*from 300 tokens/) as string,
  })
  writeFileSync(at('text.txt'), 'Ava has 3 coins. Ben has 5 more than Ava. '.repeat(20))
  expect((await calibrate(model, '--text', at('text.txt'), '-o', at('own.gguf'))).code).toBe(0)
  const [one, other] = await Promise.all([readCalibration(at('built-in.gguf')), readCalibration(at('own.gguf'))])
  expect(one.layers[0]!.mean).not.toEqual(other.layers[0]!.mean)
  // The same text gives the same, to the bit.
  expect((await calibrate(model, '--text', at('text.txt'), '-o', at('again.gguf'))).code).toBe(0)
  expect(readFileSync(at('again.gguf')).equals(readFileSync(at('own.gguf')))).toBe(true)
})

test('refuses in one line what cannot be used, and never overwrites', async () => {
  const model = modelIn('refused')
  const refused = async (...args: string[]) => refusal(await calibrate(model, ...args))
  writeFileSync(at('short.txt'), 'Too short.')
  expect(await refused('--text', at('short.txt'))).toMatch(/has \d+ tokens, too few for a mean/)
  expect(await refused('--text', at('none.txt'))).toMatch(/none\.txt cannot be read/)
  expect(await refused('--text', at('short.txt'), '--traces', traces)).toMatch(/--traces has no effect with --text/)
  expect(await refused('--import', at('short.txt'))).toMatch(/no statistics file: known are the form TRIA/)
  expect(await refused('--import', at('x'), '--tokens', '99')).toMatch(/--tokens has no effect with --import/)
  expect(await refused('--tokens', '5')).toMatch(/--tokens must be a whole number of at least 64/)
  expect(existsSync(at('refused/model-F16.calibration.gguf'))).toBe(false)
  expect(await refused('-o', model)).toMatch(/exists and is no calibration/)
  copyFileSync(tinyPredictor, at('predictor.gguf'))
  expect(await refused('-o', at('predictor.gguf'), '--force')).toMatch(/exists and is no calibration/)
  expect(refusal(await calibrate('tiny'))).toMatch(/There is a calibration at .* already. Use --force/)
})

test('Ctrl-C ends it, and nothing is written', async () => {
  const model = modelIn('interrupted')
  let sent = false
  const { code, stderr, stdout } = await dynts(['calibrate', model, '--tokens', '100000', '--threads', '1'], {
    timeoutMs: 60_000,
    onOutput: (child) => {
      if (!sent) sent = child.kill('SIGINT')
    },
  })
  expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
  expect(stderr).toMatch(/Interrupted\. Nothing was written\.$/m)
  expect(existsSync(at('interrupted/model-F16.calibration.gguf'))).toBe(false)
})
