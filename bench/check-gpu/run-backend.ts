/**
 * Runs all cases on one back end and prints what came out as JSON: a process of its own, because a process has one back end. Its
 * argument is a `BackendJob`.
 */
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { Engine } from '../../src/engine/engine.ts'
import { loadModel, type Model } from '../../src/engine/model.ts'
import type { GpuChoice } from '../../src/llama/index.ts'
import { tinyModel } from '../paths.ts'
import { cases, questions, type Case } from './cases.ts'

export interface BackendJob {
  readonly gpu: GpuChoice
  /** What is replayed, by question; undefined: what this back end generates under the full cache. */
  /** Names; undefined: all. */
  readonly only?: readonly string[]
  readonly answers?: readonly (readonly number[])[]
}

export interface Replay {
  readonly logprobs: readonly number[]
  readonly peakCells: number
  /** Positions that stayed, by eviction. */
  readonly kept: readonly (readonly number[])[]
}

export interface BackendOutput {
  readonly backend: string
  readonly release: string
  readonly answers: readonly (readonly number[])[]
  /** By case and question; a text: why the case failed. */
  readonly cases: Readonly<Record<string, readonly Replay[] | string>>
}

const longest = 700
const prompts = Array.from({ length: questions }, (_, seed) => ({
  messages: [{ role: 'user' as const, content: generateChainProblem(seed, { people: 16 }).question }],
}))

async function generate(model: Model): Promise<number[][]> {
  const engine = await Engine.create(model, { cells: 2048 })
  const answers: number[][] = []
  for (const prompt of prompts) {
    const request = { prompt, policy: 'full', sampling: { temperature: 0 }, maxTokens: longest }
    const { tokens, usage } = await engine.complete(request)
    answers.push(tokens.slice(usage.promptTokens))
  }
  await engine.close()
  return answers
}

async function replayAll(model: Model, one: Case, answers: readonly (readonly number[])[]): Promise<Replay[]> {
  const cells = one.request.budget ?? 2048
  const engine = await Engine.create(model, { ...one.engine, cells, sequences: one.together })
  const replay = async (prompt: (typeof prompts)[number], i: number): Promise<Replay> => {
    const generation = engine.generate({ ...one.request, prompt, replay: answers[i] ?? [] })
    const kept: number[][] = []
    for await (const event of generation) if (event.type === 'eviction') kept.push([...event.kept])
    const { logprobs = [], cache } = await generation.result
    return { logprobs, peakCells: cache.peakCells, kept }
  }
  const replays: Replay[] = []
  for (let first = 0; first < prompts.length; first += one.together) {
    const together = prompts.slice(first, first + one.together)
    replays.push(...(await Promise.all(together.map((prompt, i) => replay(prompt, first + i)))))
  }
  await engine.close()
  return replays
}

const { gpu, only, answers: given } = JSON.parse(process.argv[2] ?? '') as BackendJob
const model = await loadModel(tinyModel.model, { predictor: tinyModel.predictor, gpu })
const answers = given ?? (await generate(model))
const results: Record<string, Replay[] | string> = {}
for (const one of cases) {
  if (only && !only.includes(one.name)) continue
  try {
    results[one.name] = await replayAll(model, one, answers)
  } catch (error) {
    results[one.name] = error instanceof Error ? error.message : String(error)
  }
}
const output: BackendOutput = { backend: model.backend, release: model.release, answers, cases: results }
await model.close()
process.stdout.write(JSON.stringify(output))
