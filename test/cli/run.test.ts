/**
 * `dynts run` on the embedded model, as a user runs it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { demoQuestion } from '../../src/cli/run/question.ts'
import { solveChainProblem } from '../../src/evaluation/chain-problem.ts'
import { tinyF16, tinyPredictor } from '../oracle.ts'
import { dynts, refusal, scratch, shortProblem } from './run-dynts.ts'
import { parseRecord, parseRecords } from './run-record.ts'

const { question, answer } = shortProblem
const foreign = 'What is the capital of France?'
/** Greedy, and repeating itself is rewarded: it does not end by itself. */
const endless = ['--max-tokens', '4000', '-t', '0', '--frequency-penalty=-5']

describe.concurrent('plain output', () => {
  test('without a question: one of its own, solved under the budget, and a table beside the full cache', async () => {
    const { code, stdout, stderr } = await dynts(['run', '--compare', 'full', '-t', '0'])
    expect(code).toBe(0)
    const solution = String(solveChainProblem(demoQuestion(0)))
    expect(stdout).toMatch(/^<think>\n[^]+\n<\/think>\n\n[^]+\\boxed\{\d+\}\.\n$/)
    expect(stdout).toContain(`\\boxed{${solution}}`)
    expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
    expect(stdout.match(/<think>|<\/think>/g)).toEqual(['<think>', '</think>'])
    const beforeLoading = stderr.slice(0, stderr.indexOf('\n\n'))
    expect(beforeLoading).toMatch(/^weights 7\.0 MiB, cache 1\.5 MiB \(512 cells of 3\.0 KiB\)$/m)
    expect(beforeLoading).toMatch(/^without a budget the cache would take 12\.0 MiB/m)
    expect(beforeLoading).toMatch(/budget 320, local window 32, ratio 0\.5 \(recommended by the predictor\)$/m)
    expect(beforeLoading).toMatch(/trained for 4,096 positions; .*ends there \(length\)/)
    expect(stderr).toContain(demoQuestion(0))
    expect(stderr).toMatch(/^ +dynts-diverse +full$/m)
    expect(stderr).toMatch(new RegExp(`^answer +${solution} +${solution}$`, 'm'))
    expect(stderr).toMatch(/^peak cells +320 +[56]\d\d$/m)
    expect(stderr).toMatch(/^evictions +[1-9] +0$/m)
    expect(stderr).not.toContain('toy')
  })

  test('a question from standard input', async () => {
    const { code, stdout } = await dynts(['run', '-t', '0'], { stdin: `\n${question}\n` })
    expect(code).toBe(0)
    expect(stdout).toContain(`\\boxed{${answer}}`)
  })

  test('standard input beside a question is not read, which is said', async () => {
    const { code, stderr } = await dynts(['run', question, '-n', '3'], { stdin: 'What is 1 + 1?' })
    expect(code).toBe(0)
    expect(stderr).toContain('Standard input is not read: the question is given')
    expect((await dynts(['run', question, '-n', '3'])).stderr).not.toContain('Standard input')
  })

  test('a question that begins with -', async () => {
    const { code } = await dynts(['run', '-n', '3', '--', '-5 + 3 is what?'])
    expect(code).toBe(0)
    expect(refusal(await dynts(['run', '-n', '3', '-5 + 3 is what?']))).toMatch(
      /unknown option '-5 \+ 3 is what\?': in front of a question that begins with - put --\.$/,
    )
  })

  test.each([
    ['UTF-16', Buffer.from('\uFEFFWhat is 1 + 1?', 'utf16le'), /UTF-16/],
    ['bytes of no text', Buffer.from([0x61, 0xff, 0x62]), /no text in UTF-8/],
  ])('standard input in %s is refused', async (_name, stdin, message) => {
    expect(refusal(await dynts(['run'], { stdin }))).toMatch(message)
  })

  test('a thinking that is closed in the model’s stead, and one that never was', async () => {
    const closed = await dynts(['run', question, '-t', '0', '--answer-reserve', '60', '-n', '100', '--wrap-up', '.'])
    expect(closed.stderr).toMatch(/^The thinking was closed by --answer-reserve\.$/m)
    expect(closed.stdout).toMatch(/\.\n<\/think>/)
    const open = await dynts(['run', question, '-t', '0', '-n', '20', '--json'])
    expect(JSON.parse(open.stdout)).toMatchObject({ thinkingEnd: 'unclosed', answer: '', finishReason: 'length' })
    const said = await dynts(['run', question, '-t', '0', '-n', '20'])
    expect(said.stderr).toMatch(/never closed, so there is no answer: --answer-reserve N/)
  })

  test('an answer without thinking of a template that has no switch for it', async () => {
    const { code, stdout, stderr } = await dynts(['run', question, '-t', '0', '-n', '40', '--no-thinking', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ thinkingEnd: null, thinking: '' })
    expect(stderr).toBe('')
    const said = await dynts(['run', question, '-n', '3', '--no-thinking'])
    expect(said.stderr).toContain('The template has no switch for thinking: the prompt ends in an empty one.')
  })

  test('another template, and what it asks for', async () => {
    const template =
      '<|user|>{{ messages[0].content }}<|assistant|>{% if effort == "none" %}<think></think>{% else %}<think>{% endif %}'
    const args = ['run', question, '-t', '0', '-n', '30', '--json', '--chat-template', template]
    expect(JSON.parse((await dynts(args)).stdout)).toMatchObject({ thinkingEnd: 'unclosed', answer: '' })
    const none = await dynts([...args, '--template-var', 'effort=none'])
    expect(JSON.parse(none.stdout)).toMatchObject({ thinkingEnd: null, thinking: '' })
    expect(refusal(await dynts(['run', question, '--chat-template', '{% for m in messages %}']))).toMatch(
      /cannot be read: it ends within a block.*--chat-template/,
    )
  })

  test('tags that are given', async () => {
    const { stdout } = await dynts(['run', question, '-n', '30', '--json', '--thinking-tags', '<a>', '</a>'])
    expect(JSON.parse(stdout)).toMatchObject({ thinkingEnd: null, thinking: '' })
    expect(refusal(await dynts(['run', '--thinking-tags', '<a>']))).toMatch(/--thinking-tags .* It takes two values/)
  })

  test('a question that the embedded model does not know is answered, and it says what it knows', async () => {
    const { code, stdout, stderr } = await dynts(['run', foreign, '--max-tokens', '30'])
    expect(code).toBe(0)
    expect(stdout.length).toBeGreaterThan(20)
    expect(stderr).toMatch(/embedded model is a toy[^]*docs\/models\.md/)
  })

  test('samples: their answers, and means in the table', async () => {
    const { code, stdout, stderr } = await dynts(['run', question, '--samples', '3', '--seed', '5'])
    expect(code).toBe(0)
    expect(stdout.match(/^\[dynts-diverse, seed \d+\] /gm)).toEqual([
      '[dynts-diverse, seed 5] ',
      '[dynts-diverse, seed 6] ',
      '[dynts-diverse, seed 7] ',
    ])
    expect(stderr).toMatch(/for each of 3 sequences/)
    expect(stderr).toMatch(/^answer +15 \(3\)$/m)
  })

  test('a model without a predictor says so, and what it does instead', async () => {
    const { code, stderr } = await dynts(['run', question, '--predictor', 'none', '--max-tokens', '5'])
    expect(code).toBe(0)
    expect(stderr).toMatch(/policy question-window: budget 4096, local window 1024, ratio 0\.4 \(defaults\)/)
    expect(stderr).toMatch(/no importance predictor for this model.*dynts fit trains one \(docs\/training\.md\)/)
  })

  test('a reader that closes the pipe ends the program quietly', async () => {
    const { code, signal, stderr } = await dynts(['run', foreign, '--policy', 'full', ...endless], {
      onOutput: (child, stdout) => {
        if (stdout.length > 100) child.stdout?.destroy()
      },
    })
    expect({ code, signal }).toEqual({ code: 0, signal: null })
    expect(stderr).not.toMatch(/EPIPE|bug/)
  })
})

describe.concurrent('JSON', () => {
  test('one record with the documented fields, nothing on stderr; the same seed gives the same, timings apart', async () => {
    const run = () => dynts(['run', '--demo', '--json', '--seed', '3'])
    const [{ code, stdout, stderr }, again] = await Promise.all([run(), run()])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { timing, ...record } = parseRecord(stdout)
    const { cache, usage } = record
    expect({ timing, ...record }).toEqual({ ...parseRecord(again.stdout), timing })
    expect(timing.tokensPerSecond).toBeGreaterThan(0)
    expect(record).toMatchObject({ finishReason: 'stop', seed: 3, model: { reference: 'tiny', path: tinyF16 } })
    expect(record.predictor).toEqual({ path: tinyPredictor, shape: [256, 512, 128, 1], target: 'power:0.3' })
    expect(record.text).toContain(record.thinking)
    expect(record.answer).toContain('\\boxed')
    expect(cache).toMatchObject({
      policy: 'dynts-diverse',
      budget: 320,
      localWindow: 32,
      ratio: 0.5,
      bytesPerCell: 3072,
    })
    expect(cache.peakCells).toBe(320)
    expect(cache.meanCells).toBeLessThan(320)
    expect(cache.peakBytes).toBe(cache.peakCells * cache.bytesPerCell)
    expect(cache.evictions).toBeGreaterThan(1)
    const leaving = Math.ceil((320 - usage.promptTokens - 32) / 2)
    expect(cache.evictedTokens).toBe(cache.evictions * leaving)
    // The last token is generated and never consumed.
    const consumed = usage.promptTokens + usage.thinkingTokens + usage.answerTokens - 1
    expect(cache.finalCells).toBe(consumed - cache.evictedTokens)
  })

  test('--policy first, then the compared, each with all samples', async () => {
    const args = ['run', question, '--json', '--policy', 'window', '--compare', 'full,dynts', '--samples', '2']
    const { stdout } = await dynts([...args, '--budget', '200', '--seed', '8'])
    const records = parseRecords(stdout)
    expect(records.map(({ cache, seed }) => [cache.policy, cache.budget, seed])).toEqual([
      ['window', 200, 8],
      ['window', 200, 9],
      ['full', null, 8],
      ['full', null, 9],
      ['dynts', 200, 8],
      ['dynts', 200, 9],
    ])
    for (const { cache } of records) {
      if (cache.policy === 'full') expect(cache).toMatchObject({ localWindow: null, ratio: null, evictions: 0 })
      else expect(cache.peakCells).toBeLessThanOrEqual(200)
    }
  })

  test('one sample of one policy is an array when there is --compare', async () => {
    const { stdout } = await dynts(['run', question, '--json', '--compare', 'full', '--max-tokens', '3'])
    expect(parseRecords(stdout)).toHaveLength(2)
  })

  test('--thinking-budget closes the thinking, and the model answers', async () => {
    const { stdout } = await dynts(['run', '--demo', '--json', '--thinking-budget', '100'])
    const { usage, answer: given, finishReason } = parseRecord(stdout)
    // The line break before the closing tag is a thinking token too.
    expect(usage.thinkingTokens).toBe(100)
    expect(given).toContain('\\boxed')
    expect(finishReason).toBe('stop')
  })

  test('--max-tokens ends with length', async () => {
    const { stdout } = await dynts(['run', '--demo', '--json', '--max-tokens', '50'])
    const { usage, finishReason } = parseRecord(stdout)
    expect(finishReason).toBe('length')
    expect(usage.thinkingTokens + usage.answerTokens).toBe(50)
  })

  test('the trained context ends with length', async () => {
    const short = join(scratch, 'short-context.gguf')
    const bytes = readFileSync(tinyF16)
    const key = 'qwen2.context_length'
    bytes.writeUInt32LE(256, bytes.indexOf(key) + key.length + 4)
    writeFileSync(short, bytes)
    const { stdout } = await dynts(['run', question, '--model', short, '--json', '--policy', 'full', ...endless])
    const { usage, finishReason, model } = parseRecord(stdout)
    expect(model.trainedContext).toBe(256)
    expect(finishReason).toBe('length')
    expect(usage.promptTokens + usage.thinkingTokens + usage.answerTokens).toBe(256)
  })

  test('a q8_0 cache, another budget, a given predictor', async () => {
    const settings = ['--kv-type', 'q8_0', '--budget', '256', '--local-window', '40', '--ratio', '0.3']
    const { stdout } = await dynts(['run', '--demo', '--json', '--predictor', tinyPredictor, ...settings])
    const { cache, settings: used } = parseRecord(stdout)
    expect(used.kvType).toBe('q8_0')
    expect(cache).toMatchObject({ budget: 256, localWindow: 40, ratio: 0.3, peakCells: 256, bytesPerCell: 1632 })
  })
})

describe.concurrent('Ctrl-C', () => {
  // A policy of one's own that presses it at a certain step, so that no clock is needed to meet that moment; and whose steps
  // are slow from then on, so that even a starved machine reads the signal before the generation comes to its end.
  const policy = join(scratch, 'ctrl-c.mjs')
  writeFileSync(
    policy,
    `let pressed = false
     const pause = new Int32Array(new SharedArrayBuffer(4))
     export default {
       name: 'ctrl-c',
       create: () => ({
         observe: ({ position }) => {
           if (position < 60) return
           if (!pressed) process.kill(process.pid, 'SIGINT')
           pressed = true
           Atomics.wait(pause, 0, 0, 50)
         },
         score: (candidates) => Float32Array.from(candidates),
       }),
     }`,
  )
  const args = ['run', foreign, ...endless, '--policy', policy]

  test('ends the generation with the summary and exit code 130', async () => {
    const { code, signal, stdout, stderr } = await dynts(args)
    expect({ code, signal }).toEqual({ code: 130, signal: null })
    expect(stdout).toMatch(/^<think>\n[^]+\n$/)
    expect(stderr).toMatch(/^Interrupted\.$/m)
    expect(stderr).toMatch(/^ended by +cancelled$/m)
    expect(stderr).toMatch(/^thinking tokens +[1-9]/m)
  })

  test('JSON: every sample is cancelled, and its record is whole; what was to be compared does not begin', async () => {
    const { stdout, ...rest } = await dynts([...args, '--json', '--samples', '2', '--compare', 'full'])
    expect(rest).toEqual({ code: 130, signal: null, stderr: '' })
    const records = parseRecords(stdout)
    expect(records.map(({ finishReason, cache }) => [cache.policy, finishReason])).toEqual(
      Array(2).fill(['ctrl-c', 'cancelled']),
    )
  })
})
