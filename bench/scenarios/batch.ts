/**
 * What a bounded cache is worth by the number of sequences that share a step: the full cache at five positions, one whole
 * cycle of DynTS, and the time of a whole generation from both.
 */
import { DecodeLoop } from '../../src/engine/decode-loop.ts'
import type { LoadedModel } from '../../src/engine/loaded-model.ts'
import type { GenerateRequest } from '../../src/engine/types.ts'
import type { LlamaContext } from '../../src/llama/index.ts'
import type { Bench } from '../bench.ts'
import { compare, type Variant } from '../compare.ts'
import { lateDynts, lateFull, timeLate } from '../late-loop.ts'
import { quotient, type RatioPlan } from '../measurements.ts'
import type { Scenario } from '../scenario.ts'
import { wholeDynts, wholeFull } from '../whole-generation.ts'
import { forceWords, randomPrompt } from '../words.ts'

const overCycle = 'full, over the cells of a cycle'
const cycleName = 'dynts, a cycle'
const staggeredName = 'dynts, a cycle, staggered'
/** Numbers of cells, evenly spread over a cycle, at which the full cache is measured. */
const cyclePoints = 5

export const batch: Scenario = {
  name: 'batch',
  summary:
    '1, 4 and 8 sequences, or --sequences: the full cache by position, a cycle of dynts, the total of 16,384 steps',
  repetitions: 2,
  parts: ({ sequences }) =>
    sequences.map((count) => ({
      title: count === 1 ? 'one sequence' : `${count} sequences`,
      model: 'shape',
      run: (bench: Bench) => run(bench, count),
    })),
}

async function run(bench: Bench, sequences: number): Promise<void> {
  const { sizes, options, measurements } = bench
  const { promptTokens, cache, plan, newTokens } = sizes
  const positions = [500, 4000, 8000, 12_000, 16_000].map(sizes.of)
  const last = Math.max(...positions)
  const fullSteps = bench.steps(10)
  const cycle = options.steps ?? plan.leaving
  const checks = options.checkByRunning && sequences === 1
  using model = await bench.loadModel({ predictor: true })
  const fullCells = checks ? Math.max(promptTokens + newTokens + 64, last + 64) : last + 64
  using full = model.createContext({ cellsPerSequence: fullCells, sequences })
  using bounded = model.createContext({ cellsPerSequence: cache.budget, sequences })
  Object.assign(measurements.settings, { sequences, promptTokens, ...cache, cycle: plan.leaving, steps: cycle })
  Object.assign(measurements.settings, { fullSteps, newTokens, meanCells: cache.budget - (plan.leaving - 1) / 2 })
  if (cycle !== plan.leaving) measurements.notes.push(`not a whole cycle: ${cycle} of ${plan.leaving} steps`)

  const fullAt = (position: number) => timeLate(bench, full, model, lateFull(sequences, position, fullSteps))
  const late = lateDynts(sizes, last, cycle)
  const variants: Variant[] = [
    ...positions.map((position) => ({
      name: `full at ${position}`,
      unit: 'ms/step',
      cost: (position / last) * 20,
      measure: () => fullAt(position),
    })),
    {
      name: overCycle,
      unit: 'ms/step',
      cost: 20,
      measure: async () => {
        let sum = 0
        for (let i = 0; i < cyclePoints; i++) {
          const cells = cache.budget - plan.leaving + ((i + 0.5) * plan.leaving) / cyclePoints
          sum += await fullAt(Math.round(cells - fullSteps / 2))
        }
        return sum / cyclePoints
      },
    },
    { name: cycleName, unit: 'ms/step', cost: 160, measure: () => timeLate(bench, bounded, model, late) },
  ]
  if (sequences > 1) {
    // After as many steps the pattern of who has how many cells repeats itself.
    const steps = Math.round(plan.leaving / sequences)
    const staggered = { ...late, steps, stagger: steps }
    const measure = () => timeLate(bench, bounded, model, staggered)
    variants.push({ name: staggeredName, unit: 'ms/step', cost: 30, measure })
  }
  const measured = positions.map((position) => ({ position, name: `full at ${position}` }))
  const [fullTotal, dyntsTotal] = [`full, ${newTokens} steps`, `dynts, ${newTokens} steps`]
  const atLast = `full at ${last}`
  const ratios: RatioPlan[] = [
    { name: `speed of dynts / full at ${last}`, of: quotient(atLast, cycleName) },
    { name: `speed of dynts, staggered / full at ${last}`, of: quotient(atLast, staggeredName) },
    { name: `speed of dynts / full, ${newTokens} steps`, of: quotient(fullTotal, dyntsTotal) },
    {
      name: 'speed of dynts / full at the same mean number of cells',
      of: quotient(overCycle, cycleName),
      target: { atLeast: 0.97 },
    },
  ]
  await compare(bench, variants, ratios, [
    wholeFull(fullTotal, sizes, measured),
    wholeDynts(dyntsTotal, sizes, measured, cycleName),
  ])
  if (checks) await check(bench, model, { full, dynts: bounded }, { full: fullTotal, dynts: dyntsTotal })
}

/** Runs every step of both, and compares with the integrated times. */
async function check(
  bench: Bench,
  model: LoadedModel,
  contexts: Readonly<Record<'full' | 'dynts', LlamaContext>>,
  totals: Readonly<Record<'full' | 'dynts', string>>,
): Promise<void> {
  const { measurements, sizes } = bench
  const round: Record<string, number> = {}
  for (const [i, policy] of (['full', 'dynts'] as const).entries()) {
    const name = `${policy}, every step run`
    bench.setSpan(i / 2, 1 / 2, name, 'the check')
    const request = policy === 'full' ? { policy } : { policy, ...sizes.cache }
    round[name] = await runEveryStep(bench, model, contexts[policy], request)
    round[`${policy}, integrated`] = measurements.spreadOf(totals[policy])?.median ?? NaN
    for (const key of [name, `${policy}, integrated`]) measurements.units[key] = 's'
    const of = quotient(name, `${policy}, integrated`)
    measurements.ratios.push({ name: `time of ${policy}, run / integrated`, of })
  }
  const of = quotient('full, every step run', 'dynts, every step run')
  measurements.ratios.push({ name: 'speed of dynts / full, every step run', of })
  measurements.rounds.push(round)
}

/** Seconds of all decode steps of one generation. */
async function runEveryStep(
  bench: Bench,
  model: LoadedModel,
  context: LlamaContext,
  request: Omit<GenerateRequest, 'prompt'>,
): Promise<number> {
  const { promptTokens, newTokens } = bench.sizes
  const loopModel = forceWords(model.loopModel(context))
  const loop = new DecodeLoop(context, loopModel, { compaction: 'auto', cellBytes: { full: 1 } })
  try {
    const prompt = { tokens: randomPrompt(loopModel.vocab, promptTokens) }
    loop.submit(1, { prompt, maxTokens: newTokens + 8, sampling: { temperature: 0 }, ...request })
    await bench.timeSteps(loop, 1, 0, 0) // the prefill
    return (await bench.timeSteps(loop, newTokens)) / 1000
  } finally {
    loop.dispose()
  }
}
