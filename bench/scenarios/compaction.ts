/**
 * When compaction pays: what it costs to copy a cell, in steps of attending to one cell. The result is the constant
 * `stepsPerCopiedCell` of src/cache/compaction.ts.
 */
import type { Bench } from '../bench.ts'
import { removalRuns } from '../../src/cache/runs.ts'
import type { PositionRange } from '../../src/llama/sequence-memory.ts'
import type { LlamaContext } from '../../src/llama/index.ts'
import { compare } from '../compare.ts'
import { fillCache } from '../filled-cache.ts'
import type { RatioPlan } from '../measurements.ts'
import { Random } from '../random.ts'
import type { Scenario } from '../scenario.ts'

const saved = 'saved by compaction in each step'
const copying = 'copying the survivors of one sequence'

export const compaction: Scenario = {
  name: 'compaction',
  summary: 'what copying a cell costs, in steps of attending to it',
  // Without flash attention values are stored transposed.
  parts: [
    { title: 'one sequence, flash attention off', model: 'shape', run: (bench) => run(bench, 1, false) },
    { title: '4 sequences, flash attention off', model: 'shape', run: (bench) => run(bench, 4, false) },
    { title: 'one sequence, flash attention on', model: 'shape', run: (bench) => run(bench, 1, true) },
  ],
}

async function run(bench: Bench, sequences: number, flashAttention: boolean): Promise<void> {
  const { promptTokens, cache, plan } = bench.sizes
  const { leaving } = plan
  const steps = bench.steps(24)
  using model = await bench.loadModel()
  using context = model.createContext({ cellsPerSequence: cache.budget, sequences, flashAttention })
  Object.assign(bench.measurements.settings, { promptTokens, ...cache, leaving, sequences, flashAttention, steps })
  // Steps that are undone again, so that all see the same number of cells.
  const start = cache.budget - steps - 8
  const remaining = start - leaving
  const sequenceIds = Array.from({ length: sequences }, (_, i) => i)
  const fill = () => {
    for (const i of sequenceIds) {
      fillCache(
        context,
        i,
        Int32Array.from({ length: start }, (_, position) => position),
      )
    }
  }
  const leavingOf = sequenceIds.map((i) => randomRanges(i, leaving, promptTokens, start - cache.localWindow))
  const measure = async () => {
    fill()
    for (const i of sequenceIds) for (const [p0, p1] of leavingOf[i] ?? []) context.remove(i, p0, p1)
    const wide = await timeSteps(bench, context, start, steps)
    const wideCells = attendedCells(context)
    fill()
    const begin = performance.now()
    for (const i of sequenceIds) context.compact(i, leavingOf[i])
    const copy = (performance.now() - begin) / sequences
    const narrow = await timeSteps(bench, context, start, steps)
    const narrowCells = attendedCells(context)
    return {
      [saved]: wideCells - narrowCells,
      'with holes': wide,
      compacted: narrow,
      [copying]: copy,
    }
  }
  await measure() // the first copy allocates its buffer
  bench.measurements.units[saved] = 'cells'
  const ratio: RatioPlan = {
    name: 'steps of attending to a cell that copying it costs',
    of: (round) => {
      if (round[saved] === 0) return undefined
      const attending = ((round['with holes'] ?? NaN) - (round['compacted'] ?? NaN)) / (round[saved] ?? NaN)
      return (round[copying] ?? NaN) / remaining / attending
    },
  }
  await compare(bench, [{ name: 'compaction', unit: 'ms', measure }], [ratio])
}

/** Cells that attention runs over in a step, all sequences together: each as wide as the widest, padded to 256. */
function attendedCells(context: LlamaContext): number {
  const widest = Math.max(...context.layouts.map(({ width }) => width))
  return Math.ceil(widest / 256) * 256 * context.sequences
}

/** Milliseconds per step; the cells that the steps take are emptied afterwards. */
async function timeSteps(bench: Bench, context: LlamaContext, start: number, steps: number): Promise<number> {
  const sequenceIds = Array.from({ length: context.sequences }, (_, i) => i)
  const step = (position: number) => {
    context.decode(
      { tokens: sequenceIds.map(() => 300 + position), positions: sequenceIds.map(() => position), sequenceIds },
      false,
    )
  }
  for (let i = 0; i < 2; i++) step(start + i)
  const begin = performance.now()
  for (let i = 2; i < steps + 2; i++) step(start + i)
  const ms = (performance.now() - begin) / steps
  for (const sequenceId of sequenceIds) context.remove(sequenceId, start, start + steps + 2)
  await bench.breathe(0.5)
  return ms
}

/** Random positions, `count` of p0 to p1 - 1, as an eviction's. */
function randomRanges(seed: number, count: number, p0: number, p1: number): PositionRange[] {
  const random = new Random(seed + 7)
  const leaving = new Set<number>()
  while (leaving.size < count) leaving.add(p0 + random.below(p1 - p0))
  const held = Int32Array.from({ length: p1 }, (_, position) => position)
  return removalRuns(held, Int32Array.from(leaving).sort())
}
