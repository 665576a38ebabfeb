/**
 * Flash attention on and off, by the number of cells: decode steps of one sequence, and a prefill at that depth.
 */
import type { Bench } from '../bench.ts'
import type { LlamaContext } from '../../src/llama/index.ts'
import { compare, type Variant } from '../compare.ts'
import { fillCache } from '../filled-cache.ts'
import { quotient, type RatioPlan } from '../measurements.ts'
import type { Part, Scenario } from '../scenario.ts'
import { wordTokens } from '../words.ts'

const choices = [true, false]

export const flashAttention: Scenario = {
  name: 'flash-attention',
  summary: 'decode and prefill with flash attention on and off, by the number of cells',
  parts: [
    ...[512, 3000, 16_000].map((cells) => part('shape', cells, 16)),
    ...[256, 2000].map((cells) => part('tiny', cells, 256)),
  ],
}

function part(model: Part['model'], cells: number, steps: number): Part {
  return {
    title: (sizes) => `${sizes.of(cells)} cells`,
    model,
    run: (bench) => run(bench, bench.sizes.of(cells), bench.steps(steps)),
  }
}

async function run(bench: Bench, cells: number, steps: number): Promise<void> {
  const prefillTokens = bench.sizes.of(256)
  using model = await bench.loadModel()
  Object.assign(bench.measurements.settings, { cells, steps, prefillTokens })
  const contexts = choices.map((flashAttention) => {
    return model.createContext({ cellsPerSequence: cells + steps + prefillTokens + 8, flashAttention })
  })
  try {
    for (const context of contexts)
      fillCache(
        context,
        0,
        Int32Array.from({ length: cells }, (_, i) => i),
      )
    const variants = contexts.map((context, i): Variant => {
      const name = choices[i] === true ? 'on' : 'off'
      return {
        name,
        unit: 'ms',
        measure: async () => {
          const decode = timeDecode(context, cells, steps)
          await bench.breathe(0.3)
          return {
            [`decode step, ${name}`]: decode,
            [`prefill token, ${name}`]: timePrefill(context, cells, prefillTokens),
          }
        },
      }
    })
    const ratio = (what: string): RatioPlan => {
      return { name: `speed on / off, ${what}`, of: quotient(`${what}, off`, `${what}, on`) }
    }
    await compare(bench, variants, [ratio('decode step'), ratio('prefill token')])
  } finally {
    for (const context of contexts) context.dispose()
  }
}

/** Milliseconds per step; the cells that it takes are emptied again. */
function timeDecode(context: LlamaContext, cells: number, steps: number): number {
  const words = wordTokens(context.model.vocab)
  const step = (i: number) => {
    context.decode({ tokens: [words[i % words.length] ?? 0], positions: [cells + i], sequenceIds: [0] }, false)
  }
  step(0)
  const start = performance.now()
  for (let i = 1; i <= steps; i++) step(i)
  const ms = (performance.now() - start) / steps
  context.remove(0, cells, cells + steps + 1)
  return ms
}

/** Milliseconds per token. */
function timePrefill(context: LlamaContext, cells: number, prefillTokens: number): number {
  const words = wordTokens(context.model.vocab)
  const tokens = Array.from({ length: prefillTokens }, (_, i) => words[i % words.length] ?? 0)
  const start = performance.now()
  context.append(0, tokens, cells)
  const ms = (performance.now() - start) / prefillTokens
  context.remove(0, cells, cells + prefillTokens)
  return ms
}
