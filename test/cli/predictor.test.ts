/**
 * `dynts predictor import | export | inspect | evaluate`: the authors' format both ways, what a predictor says of itself, how
 * good it is on traces, and what is refused.
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { predictorEvaluateCommand } from '../../src/cli/commands/predictor-evaluate.ts'
import { predictorExportCommand } from '../../src/cli/commands/predictor-export.ts'
import { predictorImportCommand } from '../../src/cli/commands/predictor-import.ts'
import { predictorInspectCommand } from '../../src/cli/commands/predictor-inspect.ts'
import { readSafetensorsPredictor } from '../../src/predictor/index.ts'
import { ImportanceWriter } from '../../src/traces/importance-writer.ts'
import { syntheticManifest, syntheticTraces } from '../../src/training/synthetic.fake.ts'
import { oraclePredictor, predictorSafetensors, tinyF16, tinyPredictor } from '../oracle.ts'
import { smallModel, smallTensors, writeGguf } from '../support/gguf-writer.ts'
import { refusalOf } from './refusal-of.ts'
import { noLock } from '../support/no-lock.ts'
import { dynts, refusal, scratch } from './run-dynts.ts'
import { parseRecord } from './run-record.ts'

const at = (name: string) => join(scratch, name)
const recommended = ['--budget', '320', '--local-window', '32', '--ratio', '0.5']
const importing = (file: string, ...args: string[]) => dynts(['predictor', 'import', file, ...args])
const refused = (file: string, ...args: string[]) => refusalOf(predictorImportCommand(), [file, ...args])

/** A safetensors file of float32 zeros. */
function safetensors(shapes: Readonly<Record<string, readonly number[]>>): Buffer {
  const header: Record<string, unknown> = {}
  let size = 0
  for (const [name, shape] of Object.entries(shapes)) {
    const bytes = 4 * shape.reduce((product, length) => product * length, 1)
    header[name] = { dtype: 'F32', shape, data_offsets: [size, size + bytes] }
    size += bytes
  }
  const json = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, Buffer.alloc(size)])
}

const deep = Object.fromEntries(
  Array.from({ length: 20 }, (_, i) => [`is_head.${2 * i}.weight`, i === 0 ? [2, 256] : i === 19 ? [1, 2] : [2, 2]]),
)
const layers = { 'is_head.0.weight': [512, 256], 'is_head.2.weight': [128, 512], 'is_head.4.weight': [1, 128] }

describe.concurrent('import', () => {
  test('makes the oracle’s predictor, byte for byte', async () => {
    const output = at('same.predictor.gguf')
    const finished = await importing(predictorSafetensors, '-m', 'tiny', ...recommended, '-o', output)
    expect(finished).toMatchObject({ code: 0, stdout: `${output}\n` })
    expect(finished.stderr).toBe('A predictor of 256 x 512 x 128 x 1 for dynts tiny reasoner.\n')
    expect(readFileSync(output).equals(readFileSync(oraclePredictor))).toBe(true)
  })

  test('without --output it is written beside the model, and found there', async () => {
    copyFileSync(tinyF16, at('copy.gguf'))
    const args = ['--model', at('copy.gguf'), '--target', 'linear', '--diversity', '0.1']
    const { stdout } = await importing(predictorSafetensors, ...args)
    expect(stdout).toBe(`${at('copy.predictor.gguf')}\n`)
    const run = await dynts(['run', '--model', at('copy.gguf'), '--json', '--max-tokens', '5', 'question'])
    const { predictor, cache } = parseRecord(run.stdout)
    expect(predictor).toMatchObject({ path: at('copy.predictor.gguf'), target: 'linear' })
    expect(cache).toMatchObject({ policy: 'dynts-diverse', budget: 4096, localWindow: 1024, ratio: 0.4 })
    expect(cache.policyOptions).toEqual({ diversity: 0.1 })
  })

  test('a recommended weight below 0 is refused', async () => {
    const args = ['--model', 'tiny', '-o', at('none.gguf'), '--diversity', '-1']
    expect(await refused(predictorSafetensors, ...args)).toMatch(/diversity.*must be a number, 0 or more/)
  })
})

describe.concurrent('export', () => {
  test('gives the authors’ tensors back, byte for byte, which are imported as the same predictor', async () => {
    const output = at('exported.safetensors')
    const finished = await dynts(['predictor', 'export', oraclePredictor, '-o', output])
    expect(finished).toMatchObject({ code: 0, stdout: `${output}\n` })
    expect(finished.stderr).toMatch(/no place for the target \(power:0\.3\), the model and the recommended settings/)
    expect(await readSafetensorsPredictor(output)).toEqual(await readSafetensorsPredictor(predictorSafetensors))
    const header = readFileSync(output).subarray(8, 8 + Number(readFileSync(output).readBigUInt64LE()))
    expect(JSON.parse(header.toString())).toMatchObject({
      'is_head.0.weight': { dtype: 'F32', shape: [512, 256] },
      'is_head.2.weight': { dtype: 'F32', shape: [128, 512] },
      'is_head.4.weight': { dtype: 'F32', shape: [1, 128] },
    })
    const again = at('back.predictor.gguf')
    await importing(output, '-m', 'tiny', ...recommended, '-o', again)
    expect(readFileSync(again).equals(readFileSync(oraclePredictor))).toBe(true)
  })

  test('a file is replaced only with --force', async () => {
    const args = [tinyPredictor, '-o', at('export-twice.safetensors')]
    writeFileSync(at('export-twice.safetensors'), 'something')
    expect(await refusalOf(predictorExportCommand(), args)).toMatch(/exists already\. Use --force/)
    expect((await dynts(['predictor', 'export', ...args, '--force'])).code).toBe(0)
  })

  test('a folder is no file to write, also with --force', async () => {
    const args = [tinyPredictor, '-o', scratch, '--force']
    expect(await refusalOf(predictorExportCommand(), args)).toMatch(/is a folder\. Give the name of a file/)
  })

  test('a model has no weights of a predictor', async () => {
    const args = [tinyF16, '-o', at('model.safetensors')]
    expect(await refusalOf(predictorExportCommand(), args)).toMatch(/is a qwen2 model, not an importance predictor/)
  })
})

describe.concurrent('inspect', () => {
  test('as JSON has what is known of a predictor, and nothing else', async () => {
    const { stdout } = await dynts(['predictor', 'inspect', tinyPredictor, '--json'])
    const facts = JSON.parse(stdout) as Record<string, unknown>
    const recommended = ['policy', 'diversity', 'budget', 'localWindow', 'ratio', 'evictEvery']
    const names = ['schema', 'shape', 'target', 'label', ...recommended, 'model', 'heldOut']
    expect(Object.keys(facts)).toEqual(names)
    const { stdout: other } = await dynts(['inspect', tinyPredictor, '--json'])
    expect(JSON.parse(other)).toEqual({ ...facts, path: tinyPredictor })
    expect(facts).toMatchObject({
      shape: [256, 512, 128, 1],
      target: 'power:0.3',
      model: { hiddenSize: 256, layers: 6 },
    })
  })

  test('as a table', async () => {
    const { stdout } = await dynts(['predictor', 'inspect', tinyPredictor])
    expect(stdout).toMatch(/^shape +256 x 512 x 128 x 1$/m)
    expect(stdout).toMatch(/^local window +32$/m)
  })

  test('a file that is not there', async () => {
    expect(await refusalOf(predictorInspectCommand(), [at('none.gguf')])).toMatch(/There is no model file/)
  })
})

describe.concurrent('evaluate', () => {
  const folder = (name: string, hiddenSize: number, model = syntheticManifest(hiddenSize).model) => {
    const manifest = { ...syntheticManifest(hiddenSize), model }
    const writer = ImportanceWriter.open(at(name), manifest, { lock: noLock })
    for (const { record, arrays } of syntheticTraces({ hiddenSize, questions: 5 })) writer.add(record, arrays)
    return at(name)
  }
  const tiny = { architecture: 'qwen2', hiddenSize: 256, layers: 6, vocabularySize: 768, name: 'dynts tiny reasoner' }
  const evaluating = (...args: string[]) => dynts(['predictor', 'evaluate', tinyPredictor, '--threads', '1', ...args])
  const refused = (importance: string) =>
    refusalOf(predictorEvaluateCommand(), [tinyPredictor, '--importance', importance, '--gpu', 'off'])

  test('gives the figures of any traces', async () => {
    const importance = folder('evaluated', 256, tiny)
    const { stdout } = await evaluating('--importance', importance, '--json')
    const record = JSON.parse(stdout) as { figures: { kendallTau: number; overlap: Record<string, number> } }
    expect(record).toMatchObject({
      schema: 'dynts.predictor.evaluation/1',
      predictor: tinyPredictor,
      importance,
      model: tiny,
      questions: 5,
      figures: { traces: 10 },
    })
    // States of no model tell the embedded predictor nothing.
    expect(Math.abs(record.figures.kendallTau)).toBeLessThan(0.3)
    expect(Object.keys(record.figures.overlap)).toEqual(['20', '30', '40', '50', '60', '70', '80', '90'])
    expect((await evaluating('--importance', importance)).stdout).toMatch(/^Kendall’s tau +-?0\.\d{3}$/m)
  })

  test('refuses traces of another model, and folders that hold none', async () => {
    expect(await refused(folder('other-model', 8))).toMatch(
      /does not fit the traces of synthetic: .*hidden size 256\), but the model's hidden size is 8/,
    )
    expect(await refused(at('no-importance'))).toMatch(/holds no manifest\.json/)
  })
})

describe('what is there already', () => {
  test('the model, and any file that is no predictor, is never overwritten', async () => {
    copyFileSync(tinyF16, at('precious.gguf'))
    for (const force of [[], ['--force']]) {
      const args = ['-m', at('precious.gguf'), '-o', at('precious.gguf'), ...force]
      expect(await refused(predictorSafetensors, ...args)).toMatch(/exists and is no predictor/)
    }
    expect(readFileSync(at('precious.gguf')).equals(readFileSync(tinyF16))).toBe(true)
  })

  test('a predictor is replaced only with --force', async () => {
    const args = ['-m', 'tiny', '-o', at('twice.gguf')]
    copyFileSync(tinyPredictor, at('twice.gguf'))
    expect(await refused(predictorSafetensors, ...args)).toMatch(/Use --force to replace it/)
    expect(readFileSync(at('twice.gguf')).equals(readFileSync(tinyPredictor))).toBe(true)
    expect((await importing(predictorSafetensors, ...args, '--force')).code).toBe(0)
    expect(readFileSync(at('twice.gguf')).equals(readFileSync(tinyPredictor))).toBe(false)
  })

  test('a folder that is missing is bad input', async () => {
    expect(await refused(predictorSafetensors, '-m', 'tiny', '-o', at('nowhere/x.gguf'))).toMatch(/There is no folder/)
  })
})

describe('refusals', () => {
  const write = (name: string, content: Buffer | string) => {
    writeFileSync(at(name), content)
    return at(name)
  }
  const { 'is_head.4.weight': last, ...withoutLast } = layers

  test.each<[string, string, string, RegExp]>([
    ['a missing file', at('none.safetensors'), 'predictor_not_found', /none\.safetensors cannot be read/],
    ['an empty file', write('empty.safetensors', ''), 'not_safetensors', /is not a safetensors file/],
    ['a GGUF', tinyPredictor, 'not_safetensors', /is not a safetensors file/],
    ['other tensors', write('other.safetensors', safetensors({ x: [4, 4] })), 'invalid_predictor', /no tensors named/],
    [
      'no last layer',
      write('short.safetensors', safetensors(withoutLast)),
      'invalid_predictor',
      /must give one number/,
    ],
    [
      'layers that do not meet',
      write('gap.safetensors', safetensors({ ...layers, 'is_head.2.weight': [last[1] ?? 0, 64] })),
      'invalid_predictor',
      /is_head\.2\.weight does not take what is_head\.0\.weight gives/,
    ],
    [
      'a cut file',
      write('cut.safetensors', readFileSync(predictorSafetensors).subarray(0, 100_000)),
      'invalid_predictor',
      /truncated/,
    ],
  ])('%s', async (_, file, code, message) => {
    await expect(readSafetensorsPredictor(file)).rejects.toThrow(
      expect.objectContaining({ name: 'InputError', code, message: expect.stringMatching(message) as string }) as Error,
    )
  })

  test('end with exit code 2 and one line', async () => {
    const file = write('text.safetensors', 'Once upon a time.')
    expect(refusal(await importing(file, '--model', 'tiny', '-o', at('refused.gguf')))).toMatch(
      /is not a safetensors file/,
    )
  })

  test.each<[string, string[], RegExp]>([
    [
      'more layers than any predictor has',
      [write('deep.safetensors', safetensors(deep))],
      /has 20 layers, more than 16/,
    ],
    ['biases', [write('bias.safetensors', safetensors({ ...layers, 'is_head.0.bias': [512] }))], /has biases/],
    ['a target that is none', [predictorSafetensors, '--target', 'square'], /"square" is no target/],
    [
      'a budget below the local window',
      [predictorSafetensors, '--budget', '50', '--local-window', '50'],
      /at least 52/,
    ],
  ])('%s', async (_, args, says) => {
    const [file = '', ...rest] = args
    expect(await refused(file, '--model', 'tiny', '-o', at('refused.gguf'), ...rest)).toMatch(says)
  })

  test('a model of another hidden size', async () => {
    const model = write('small-hidden.gguf', writeGguf(smallModel(), smallTensors))
    expect(await refused(predictorSafetensors, '--model', model)).toMatch(
      /hidden states of size 256, but those of small have 32/,
    )
  })
})
