/**
 * dynts with policy `full` beside node-llama-cpp, which runs once with the same threads, flash attention setting and batch size
 * and once with its own defaults. The same file, the same shared libraries of llama.cpp, context size and prompt, greedy in
 * all, each through its own public interface, one token after another. They run in processes of their own, by turns.
 */
import { readFileSync } from 'node:fs'
import type { Bench } from '../bench.ts'
import { compare, type Variant } from '../compare.ts'
import { quotient } from '../measurements.ts'
import { tinyProblems } from '../paths.ts'
import { EngineProcess, type EngineName } from '../peer/engine-process.ts'
import type { Scenario } from '../scenario.ts'
import { whileBreathing } from '../while-breathing.ts'
import { randomPrompt } from '../words.ts'

const withDefaults = 'node-llama-cpp, its defaults'
const engines: readonly { readonly name: string; readonly engine: EngineName }[] = [
  { name: 'node-llama-cpp', engine: 'node-llama-cpp' },
  { name: withDefaults, engine: 'node-llama-cpp' },
  { name: 'dynts', engine: 'dynts' },
]

export const peer: Scenario = {
  name: 'peer',
  summary: 'decode speed of dynts (policy full) beside node-llama-cpp (target: 0.95 or more)',
  parts: [
    { model: 'shape', run: (bench) => run(bench, 128, false) },
    { model: 'tiny', run: (bench) => run(bench, 256, true) },
  ],
}

async function run(bench: Bench, usualSteps: number, asksProblem: boolean): Promise<void> {
  const steps = bench.steps(usualSteps)
  const warmUp = bench.sizes.of(16)
  const { threads, prompt } = await facts(bench, asksProblem)
  const cells = Math.ceil((prompt.length + warmUp + steps + 64) / 256) * 256
  const flashAttention = false
  const { settings, notes } = bench.measurements
  Object.assign(settings, { promptTokens: prompt.length, warmUp, steps, cells, flashAttention, sampling: 'greedy' })
  const processes: EngineProcess[] = []
  try {
    const variants: Variant[] = []
    for (const { name, engine: engineName } of engines) {
      // Its default is four threads at least: where there are fewer cores, a token takes many times as long.
      const run = name === withDefaults ? { warmUp: 2, steps: Math.ceil(steps / 8) } : { warmUp, steps }
      const engine = await EngineProcess.start(engineName, {
        model: bench.files.model,
        threads,
        cells,
        flashAttention,
        peerDefaults: name === withDefaults,
        prompt,
      })
      processes.push(engine)
      notes.push(`${name}: ${engine.description}`)
      variants.push({ name, unit: 'ms/token', measure: () => whileBreathing(bench, engine.run(run)) })
    }
    const ratios = ['node-llama-cpp', withDefaults].map((name) => ({
      name: `speed of dynts / ${name}`,
      of: quotient(name, 'dynts'),
      target: { atLeast: 0.95 },
    }))
    await compare(bench, variants, ratios)
  } finally {
    for (const engine of processes) engine.close()
  }
}

/** What both engines must be told alike. */
async function facts(bench: Bench, asksProblem: boolean): Promise<{ threads: number; prompt: number[] }> {
  using model = await bench.loadModel()
  const { vocab } = model.llama
  const prompt = asksProblem ? [...vocab.tokenize(tinyPrompt())] : randomPrompt(vocab, bench.sizes.promptTokens)
  return { threads: model.threads, prompt }
}

/** A problem over which the embedded model thinks for long enough; after random words it soon ends its text. */
function tinyPrompt(): string {
  const [line = ''] = readFileSync(tinyProblems, 'utf8').split('\n')
  const { question } = JSON.parse(line) as { question: string }
  return `<|user|>${question}<|assistant|><think>\n`
}
