/**
 * Bad input of every kind: exit code 2 and one clear line, and nothing may abort the process.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { loadLibrary } from '../../src/llama/index.ts'
import { readCheckpoint, writeCheckpoint } from '../../src/predictor/index.ts'
import { tinyF16, tinyPredictor } from '../oracle.ts'
import { smallModel, smallTensors, u32, writeGguf } from '../support/gguf-writer.ts'
import { refusalHere } from './refusal-of.ts'
import { bin, dynts, lateRefusal, refusal, scratch, shortProblem } from './run-dynts.ts'

const at = (name: string) => join(scratch, name)
const { question } = shortProblem

beforeAll(async () => {
  copyFileSync(tinyF16, at('truncated.gguf'))
  truncateSync(at('truncated.gguf'), 5_000_000)
  writeFileSync(at('cut-header.gguf'), writeGguf(smallModel(), smallTensors).subarray(0, 400))
  writeFileSync(at('text.gguf'), 'Once upon a time.\n')
  const tooLarge = { name: 'x', shape: [2 ** 30, 2 ** 10] }
  writeFileSync(at('lying-tensor.gguf'), writeGguf(smallModel(), [...smallTensors, tooLarge]))
  const counts = writeGguf(smallModel(), smallTensors)
  counts.writeBigUInt64LE(2n ** 62n, 8)
  writeFileSync(at('lying-counts.gguf'), counts)
  writeFileSync(at('lying-layers.gguf'), writeGguf(smallModel({ 'qwen2.block_count': u32(400) }), smallTensors))
  const checkpoint = await readCheckpoint(tinyPredictor)
  const model = { architecture: 'llama', hiddenSize: 256, layers: 32, vocabularySize: 128_256, name: 'another model' }
  writeCheckpoint(loadLibrary('off'), at('another.predictor.gguf'), { ...checkpoint, model })
})

/** Options for `dynts run`, and what the line must say. */
type Case = [options: string[], says: RegExp]

const files: Case[] = [
  [['--model', 'none.gguf'], /no model file .*none\.gguf/],
  [['--model', '.'], /is a folder/],
  [['--model', 'truncated.gguf'], /truncated\.gguf is cut off within its weights/],
  [['--model', 'cut-header.gguf'], /cut-header\.gguf/],
  [['--model', 'lying-tensor.gguf'], /lying-tensor\.gguf is cut off within its weights/],
  [['--model', 'lying-counts.gguf'], /lying-counts\.gguf/],
  [['--model', 'lying-layers.gguf'], /400 layers/],
  [['--model', 'text.gguf'], /is not a GGUF file/],
  [['--model', tinyPredictor], /is an importance predictor. Give a language model/],
  [['--model', 'what is this'], /neither a file nor a model's name/],
  [['--model', 'user/none:Q4_K_M', '--offline'], /user\/none:Q4_K_M is not in the cache/],
  [['--predictor', 'none.predictor.gguf'], /no predictor file none\.predictor\.gguf/],
  [['--predictor', tinyF16], /is a qwen2 model, not an importance predictor/],
  [['--predictor', 'text.gguf'], /is not a GGUF file/],
  [['--predictor', 'another.predictor.gguf'], /trained for another model \(architecture llama\).* is qwen2/],
]

/** More of them in src/cli/run-options.test.ts. */
const options: Case[] = [
  [['--budget', '33'], /--budget must be .* at least 34/],
  [['--budget', 'many'], /--budget.*'many' is invalid/],
  [['--ratio', '1.01'], /--ratio must be a number from 0 to 1/],
  [['--evict-every', '0'], /--evict-every must be a whole number of at least 1/],
  [['--segments', '1'], /--segments must be a whole number of at least 2/],
  [['--value-reserve', '1'], /--value-reserve must be a share of the budget, above 0 and below 1/],
  [['--evict-every', '9', '--ratio', '0.5'], /Give --ratio or --evict-every, not both/],
  [['--evict-every', '9', '--policy', 'full'], /--evict-every has no effect under policy full/],
  [['--local-window', '0'], /--local-window must be a whole number of at least 1/],
  [['--policy', 'dynst'], /no policy "dynst". Did you mean dynts\?/],
  [['--compare', 'full,windw'], /no policy "windw". Did you mean window\?/],
  [['--compare', ','], /names nothing/],
  [['--policy', 'dynts', '--predictor', 'none'], /needs an importance predictor.*--policy question-window/],
  [['--sinks', '4', '--policy', 'window'], /--sinks is an option of streaming-llm only/],
  [['--sinks', '-1', '--policy', 'streaming-llm'], /--sinks: must be a whole number/],
  [['--buget', '300'], /unknown option '--buget'.*--budget/],
  [['--temperature', '-1'], /--temperature must be/],
  [['--top-p', '0'], /--top-p must be above 0/],
  [['--seed', '-1'], /--seed must be .* from 0 to 4294967294/],
  [['--seed', '4294967295'], /--seed must be/],
  [['--samples', '0'], /--samples must be .* from 1 to 256/],
  [['--kv-type', 'nonsense'], /'nonsense' is invalid. Allowed choices are f16, q8_0, f32/],
  [['--demo'], /leave out yours/],
]

const name = ([given]: Case) => given.map((part) => part.split('/').at(-1)).join(' ')

describe('files', () => {
  test.concurrent.each(files.map((each) => [name(each), ...each] as const))('%s', async (_, given, says) => {
    expect(refusal(await dynts(['run', ...given, question]))).toMatch(says)
  })
})

describe('options', () => {
  test.each(options.map((each) => [name(each), ...each] as const))('%s', async (_, given, says) => {
    expect(await refusalHere(['run', ...given, question])).toMatch(says)
  })
})

describe('what the header tells, before anything is loaded', () => {
  const write = (name: string, values: Parameters<typeof smallModel>[0]) => {
    writeFileSync(at(name), writeGguf(smallModel(values), smallTensors))
    return at(name)
  }

  test('heads that do not fill the blocks of a quantised cache', async () => {
    const sizes = { 'qwen2.attention.key_length': u32(80), 'qwen2.attention.value_length': u32(80) }
    const model = write('head80.gguf', sizes)
    expect(await refusalHere(['run', '--model', model, '--kv-type', 'q8_0', question])).toMatch(
      /heads of 80 elements do not fit q8_0.* Use --kv-type f16/,
    )
  })

  test.each(['top_k', 'head_count', 'key_length', 'block_size', 'local_blocks'])(
    'an indexer, by its %s: a bounded cache is refused',
    async (key) => {
      const model = write(`indexer-${key}.gguf`, { [`qwen2.attention.indexer.${key}`]: u32(2) })
      expect(await refusalHere(['run', '--model', model, '--policy', 'window', question])).toMatch(
        /it uses sparse attention/,
      )
    },
  )
})

describe('what only the vocabulary can tell', () => {
  test('a prompt that is longer than the budget allows: the budget that would do, and it does', async () => {
    const ask = (budget: number) => dynts(['run', '--local-window', '8', '--budget', `${budget}`, question])
    const line = refusal(await ask(12))
    expect(line).toMatch(/^A prompt of \d+ tokens does not fit into a budget of 12 cells/)
    const budget = Number(/give --budget (\d+) or more/.exec(line)?.[1])
    expect(refusal(await ask(budget - 1))).toContain(`--budget ${budget} `)
    expect(await ask(budget)).toMatchObject({ code: 0, signal: null })
  })

  test('the full cache has no budget', async () => {
    const args = ['run', '-n', '3', 'word '.repeat(400)]
    expect(refusal(await dynts(args))).toMatch(/^A prompt of \d+ tokens does not fit into a budget of 320 cells/)
    expect(await dynts([...args, '--policy', 'full'])).toMatchObject({ code: 0, signal: null })
  })

  test('a GPU whose libraries are not installed', async () => {
    expect(refusal(await dynts(['run', '--gpu', 'cuda', question]))).toMatch(/--gpu cuda needs the package|no GPU/)
  })
})

describe('what only a loaded model can tell', () => {
  test('a compared policy that cannot run is refused before the first one runs', async () => {
    const args = ['run', '--compare', 'streaming-llm', '--sinks', '5000', question]
    expect(lateRefusal(await dynts(args))).toMatch(/fewer --sinks/)
    // With --json nothing else is said.
    expect(refusal(await dynts([...args, '--json']))).toMatch(/fewer --sinks/)
  })

  test('more cells than any cache may have', async () => {
    expect(lateRefusal(await dynts(['run', '--budget', '1e12', question]))).toMatch(/from 1 to 16777216/)
  })

  // More than the process may have, which a machine of any size refuses.
  test.runIf(process.platform === 'linux')('a cache that memory cannot hold: what llama.cpp says of it', () => {
    const args = ['run', '--budget', '4e6', '--threads', '1', '-n', '3', question]
    const command = 'ulimit -v 8000000 && exec "$@"'
    const { status, signal, stdout, stderr } = spawnSync('sh', ['-c', command, 'sh', process.execPath, bin, ...args], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: scratch },
    })
    expect({ status, signal, stdout }).toEqual({ status: 1, signal: null, stdout: '' })
    expect(stderr).toMatch(/^dynts: a cache of [^\n]* cannot be made: [^\n]*allocate[^\n]*\n$/m)
  })

  test('weights that are missing: exit code 2, no abort', async () => {
    writeFileSync(at('no-weights.gguf'), writeGguf(smallModel(), smallTensors))
    const { code, signal, stdout, stderr } = await dynts(['run', '--model', 'no-weights.gguf', '--json', 'question'])
    expect({ code, signal, stdout }).toEqual({ code: 2, signal: null, stdout: '' })
    expect(stderr).toMatch(/^dynts: llama\.cpp cannot load [^\n]+\n$/)
  })
})

describe('other commands', () => {
  test.concurrent.each<[string, string[], RegExp]>([
    ['no question for a model that is not the embedded one', ['run', '--model', tinyF16], /there is no question/],
    ['an empty standard input', ['run', '-'], /there is no question/],
    ['--demo with another model', ['run', '--demo', '--model', tinyF16], /leave out --model/],
    ['two questions', ['run', 'a', 'b'], /too many arguments/],
    ['an unknown command', ['rum'], /unknown command 'rum'\. Did you mean run\?/],
    ['help for an unknown command', ['help', 'evl'], /unknown command 'evl'\. Did you mean eval\?/],
    ['inspect: a missing file', ['inspect', 'none.gguf'], /no model file/],
    ['inspect: a predictor and a missing model', ['inspect', tinyPredictor, '-m', 'none.gguf'], /no model file/],
    ['import: no model', ['predictor', 'import', 'x.safetensors'], /required option '-m, --model <model>'/],
  ])('%s', async (_, args, says) => {
    expect(refusal(await dynts(args))).toMatch(says)
  })
})
