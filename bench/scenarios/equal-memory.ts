/**
 * What a given amount of memory for the cache is good for: how many generations of 16,384 tokens it holds under the full
 * cache and under B = 3000, and the tokens per second of all of them together.
 */
import { InputError } from '../../src/errors.ts'
import { inspectGguf } from '../../src/models/gguf-file.ts'
import { bytesPerCell, formatBytes, padCells } from '../../src/models/memory-plan.ts'
import type { Bench } from '../bench.ts'
import { compare, type Derived, type Variant } from '../compare.ts'
import { lateDynts, lateFull, timeLate } from '../late-loop.ts'
import { quotient, type RatioPlan } from '../measurements.ts'
import type { Scenario } from '../scenario.ts'
import { wholeDynts, wholeFull } from '../whole-generation.ts'

/** More sequences than these are not measured: a step of two cores takes too long for anybody to wait for it. */
const mostMeasured = 32
const usualFullSequences = 4

export const equalMemory: Scenario = {
  name: 'equal-memory',
  summary: 'how many sequences of 16k positions a given cache holds, and tokens per second of all together',
  repetitions: 3,
  parts: [{ model: 'shape', run }],
}

async function run(bench: Bench): Promise<void> {
  const { sizes, options, measurements } = bench
  const { promptTokens, cache, plan, newTokens } = sizes
  const cellBytes = bytesPerCell(await inspectGguf(bench.files.model), 'f16')
  const fullCells = padCells(promptTokens + newTokens)
  const memory = options.memory ?? usualFullSequences * fullCells * cellBytes
  const fits = (cells: number) => Math.floor(memory / (padCells(cells) * cellBytes))
  const held = { full: fits(fullCells), dynts: fits(cache.budget) }
  if (held.full === 0) {
    throw new InputError(
      'invalid_memory',
      `${formatBytes(memory)} hold no full sequence: give --memory ${fullCells * cellBytes} or more`,
    )
  }
  const sequences = { full: Math.min(held.full, mostMeasured), dynts: Math.min(held.dynts, mostMeasured) }
  using model = await bench.loadModel({ predictor: true })
  using full = model.createContext({ cellsPerSequence: fullCells, sequences: sequences.full })
  using bounded = model.createContext({ cellsPerSequence: cache.budget, sequences: sequences.dynts })
  const positions = [500, 4000, 8000, 12_000, 16_000].map(sizes.of)
  const last = Math.max(...positions)
  const fullSteps = bench.steps(10)
  Object.assign(measurements.settings, { memory: formatBytes(memory), promptTokens, newTokens, ...cache, fullSteps })
  for (const policy of ['full', 'dynts'] as const) {
    const most = sequences[policy] < held[policy] ? `, of which ${sequences[policy]} were measured at once` : ''
    measurements.notes.push(`${policy}: ${held[policy]} sequences fit${most}`)
  }

  const fullAt = (position: number): Variant => ({
    name: `full at ${position}`,
    unit: 'ms/step',
    measure: () => timeLate(bench, full, model, lateFull(sequences.full, position, fullSteps)),
  })
  // Up to its first eviction.
  const early = [sizes.of(500), cache.budget - fullSteps - 16]
  const earlyAt = (position: number): Variant => ({
    name: `dynts before its first eviction, at ${position}`,
    unit: 'ms/step',
    cost: 2,
    measure: () => timeLate(bench, bounded, model, lateFull(sequences.dynts, position, fullSteps)),
  })
  // After as many steps the pattern of who has how many cells repeats itself.
  const steps = Math.max(1, Math.round(plan.leaving / sequences.dynts))
  const cycle: Variant = {
    name: 'dynts, a cycle, staggered',
    unit: 'ms/step',
    cost: 6,
    measure: () => timeLate(bench, bounded, model, { ...lateDynts(sizes, last, steps), stagger: steps }),
  }
  const named = (of: (position: number) => Variant) => (position: number) => ({ position, name: of(position).name })
  const fullTotal = wholeFull(`full, ${newTokens} steps`, sizes, positions.map(named(fullAt)))
  const dyntsTotal = wholeDynts(`dynts, ${newTokens} steps`, sizes, early.map(named(earlyAt)), cycle.name)
  const whole = { full: 'full, all tokens', dynts: 'dynts, all tokens' }
  const late = { full: `full, tokens at ${last}`, dynts: `dynts, tokens at ${last}` }
  const unit = 'tokens/s'
  const derived: Derived[] = [
    fullTotal,
    dyntsTotal,
    { name: whole.full, unit, of: (round) => (sequences.full * newTokens) / (round[fullTotal.name] ?? NaN) },
    { name: whole.dynts, unit, of: (round) => (sequences.dynts * newTokens) / (round[dyntsTotal.name] ?? NaN) },
    { name: late.full, unit, of: (round) => (sequences.full * 1000) / (round[`full at ${last}`] ?? NaN) },
    { name: late.dynts, unit, of: (round) => (sequences.dynts * 1000) / (round[cycle.name] ?? NaN) },
  ]
  const ratios: RatioPlan[] = [
    { name: 'tokens of dynts / full, all tokens', of: quotient(whole.dynts, whole.full) },
    { name: `tokens of dynts / full at ${last}`, of: quotient(late.dynts, late.full) },
  ]
  await compare(bench, [...positions.map(fullAt), ...early.map(earlyAt), cycle], ratios, derived)
}
