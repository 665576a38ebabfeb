/** Cells of a prompt that leave while it is read, against llama.cpp driven by hand. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DecodeLoop } from '../../src/engine/decode-loop.ts'
import { LoadedModel } from '../../src/engine/loaded-model.ts'
import type { GenerateResult, PromptEviction } from '../../src/engine/types.ts'
import { loadLibrary, type LlamaContext } from '../../src/llama/index.ts'
import { importanceOracle, maxDifference, tinyF32 } from '../oracle.ts'

let model: LoadedModel
beforeAll(() => {
  model = LoadedModel.load(loadLibrary('off'), tinyF32, { threads: 1 })
})
afterAll(() => model.dispose())

const [trace] = importanceOracle().traces
const { tokens, promptTokens: thinkStart, thinkEnd } = trace!
/** With the closing tag. */
const prompt = tokens.slice(0, thinkEnd + 1)
const steps = 12
const open = () => model.createContext({ cellsPerSequence: 1024, kvType: 'f32', flashAttention: false })

/** Greedy, two requests one after another: the second takes what the first has read before the eviction. */
function generate(promptEviction: PromptEviction | undefined, times = 1): GenerateResult {
  using context = open()
  const loop = new DecodeLoop(context, model.loopModel(context), { compaction: 'off', cellBytes: { full: 1 } })
  let result: GenerateResult | undefined
  for (let id = 0; id < times; id++) {
    const sampling = { temperature: 0 }
    loop.submit(id, { prompt: { tokens: prompt }, policy: 'full', sampling, maxTokens: steps, promptEviction })
    while (!loop.idle) {
      for (const item of loop.step()) {
        if ('error' in item) throw item.error
        if (item.event.type === 'finish') result = item.event.result
      }
    }
  }
  return result!
}

/** The same, token by token, cells removed one by one. */
function byHand({ at, leaving }: PromptEviction): number[] {
  using context = open()
  const read = (position: number, token: number) => {
    context.append(0, Int32Array.of(token), position, 'last')
    context.synchronize()
  }
  for (let i = 0; i < at; i++) read(i, prompt[i]!)
  for (const position of leaving) if (position < at - 1) context.remove(0, position, position + 1)
  for (let i = at; i < prompt.length; i++) {
    read(i, prompt[i]!)
    if (i === at && leaving.includes(at - 1)) context.remove(0, at - 1, at)
  }
  const generated: number[] = []
  while (generated.length < steps) {
    const token = likeliest(context)
    generated.push(token)
    if (model.loopModel(context).vocab.endsGeneration(token)) break
    read(prompt.length + generated.length - 1, token)
  }
  return generated
}

function likeliest(context: LlamaContext): number {
  const logits = context.logits(0)
  return logits.reduce((best, value, i) => (value > logits[best]! ? i : best), 0)
}

const thinking = Array.from({ length: thinkEnd - thinkStart }, (_, i) => thinkStart + i)

describe.each([
  ['every second thinking token', thinking.filter((position) => position % 2 === 0)],
  ['all but the newest quarter', thinking.slice(0, Math.floor((thinking.length * 3) / 4))],
  ['all of the thinking, its last token too', thinking],
])('%s leaves', (_name, leaving) => {
  const eviction = { at: thinkEnd, leaving }

  test('what is generated is what llama.cpp gives by hand', () => {
    const { tokens: all, usage, cache } = generate(eviction)
    expect(all.slice(usage.promptTokens)).toEqual(byHand(eviction))
    expect(cache.evictedTokens).toBe(leaving.length)
    expect(cache.peakCells).toBe(prompt.length - leaving.length + all.length - prompt.length - 1)
  })

  test('and the same from a copy of what was read before', () => {
    const again = generate(eviction, 2)
    expect(again.usage.cachedPromptTokens).toBe(thinkEnd)
    expect(again.tokens).toEqual(generate(eviction).tokens)
  })
})

test('without the thinking the answer is another one, and when nothing leaves the same', () => {
  const full = generate(undefined).tokens
  expect(generate({ at: thinkEnd, leaving: [] }).tokens).toEqual(full)
  expect(generate({ at: thinkEnd, leaving: thinking }).tokens).not.toEqual(full)
  expect(maxDifference(full.slice(0, prompt.length), prompt)).toBe(0)
})
