/**
 * Models with sliding windows and hybrids, with random weights, under bounded caches.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LoadedModel } from '../../src/engine/loaded-model.ts'
import { findPolicy, policyNames } from '../../src/eviction/registry.ts'
import { parseState, type LlamaContext, type LlamaModel } from '../../src/llama/index.ts'
import { inspectGguf } from '../../src/models/gguf-file.ts'
import { recurrentBytes } from '../../src/models/memory-plan.ts'
import { ImportancePass, type TracePhases } from '../../src/traces/importance-pass.ts'
import { families, type ModelPlan } from '../support/families.ts'
import { loadFamily, randomTokens } from '../support/load-family.ts'
import { runRequests, type RunOptions } from '../support/run-requests.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-families-'))
afterAll(() => rmSync(folder, { recursive: true }))

const tokens = randomTokens(300, 2)
const prompt = { tokens: tokens.slice(0, 20) }
const replay = tokens.slice(20)
const bound = { budget: 64, localWindow: 24, ratio: 0.4 }

const load = (plan: () => ModelPlan) => loadFamily(folder, plan())

function run(model: LoadedModel, policy: string, settings: Partial<typeof bound>, options: RunOptions = {}) {
  const [only] = runRequests(model, [{ prompt, replay, policy, ...settings }], { cells: 512, ...options })
  if (!only) throw new Error('nothing was run')
  return { logprobs: only.result.logprobs ?? [], cache: only.result.cache }
}
/** @param rows tokens of a pass */
function importanceOf(model: LoadedModel, trace: TracePhases, rows: number): number[] {
  const chunkBytes = rows * 256 * model.llama.heads * 4
  using pass = ImportancePass.create(model, { cells: 256, kvType: 'f32', threads: 1, chunkBytes })
  const steps = pass.run(trace, new Int32Array(0))
  let step = steps.next()
  while (!step.done) step = steps.next()
  return [...step.value.promptImportance, ...step.value.importance]
}
const largest = (a: readonly number[], b: readonly number[]) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? NaN))), 0)

const policies = policyNames().filter((name) => findPolicy(name).evicts)
const readsCache = (name: string) => ['attention', 'keys'].some((need) => findPolicy(name).needs.has(need as 'keys'))
/** For each family, what was seen of each policy. */
const seen = new Map<string, Map<string, 'bounded' | 'refused'>>()
function note(family: string, policy: string, what: 'bounded' | 'refused'): void {
  seen.set(family, (seen.get(family) ?? new Map<string, typeof what>()).set(policy, what))
}
const allWindowed = 'Gemma 3, all layers windowed'

test.each(['off', 'on'] as const)(
  'where all layers have a window that the local window holds, evictions change nothing (compaction %s)',
  async (compaction) => {
    using model = await load(families[allWindowed]!)
    const full = run(model, 'full', {})
    const bounded = run(model, 'question-window', bound, { compaction })
    expect(bounded.cache.evictions).toBeGreaterThan(15)
    expect(largest(full.logprobs, bounded.logprobs)).toBeLessThan(4e-4)
  },
)

describe.each(Object.entries(families))('%s', (name, make) => {
  let model: LoadedModel
  beforeAll(async () => {
    model = await load(make)
  })
  afterAll(() => model.dispose())

  test.each(policies.filter((policy) => name !== allWindowed || !readsCache(policy)))(
    '%s stays within its budget, and compaction changes no more than rounding',
    (policy) => {
      if (findPolicy(policy).needs.has('calibration') && !model.facts.hasCalibration) {
        expect(() => run(model, policy, bound)).toThrow(/needs a calibration of this model/)
        note(name, policy, 'refused')
        return
      }
      const options = { kvType: 'f32', attention: findPolicy(policy).needs.has('attention') } as const
      const scattered = run(model, policy, bound, { ...options, compaction: 'off' })
      const compacted = run(model, policy, bound, { ...options, compaction: 'on' })
      // By itself it is left out: so short a text does not pay for it. That does not depend on who chooses the cells.
      if (policy === 'question-window') expect(run(model, policy, bound, options).logprobs).toEqual(scattered.logprobs)
      expect(scattered.cache.evictions).toBeGreaterThan(5)
      expect(compacted.cache.compactions).toBe(scattered.cache.evictions)
      expect(scattered.cache.peakCells).toBe(bound.budget)
      expect(largest(scattered.logprobs, compacted.logprobs)).toBeLessThan(1e-3)
      note(name, policy, 'bounded')
    },
  )

  test('a budget that is never reached is the full cache', () => {
    const full = run(model, 'full', {})
    expect(run(model, 'question-window', { ...bound, budget: 400 }).logprobs).toEqual(full.logprobs)
  })

  test('a prompt that comes again gives the same, to the bit; it is copied where no layer has a window', () => {
    const request = { prompt, replay: replay.slice(0, 80), policy: 'question-window', ...bound }
    const [first, second] = runRequests(model, [request, request], { cells: 512, sequences: 1 })
    expect(second?.result.usage.cachedPromptTokens).toBe(model.llama.hasWindow ? 0 : 19)
    expect(second?.result.logprobs).toEqual(first?.result.logprobs)
  })

  test.runIf(name === allWindowed)('policies that look at the cache are refused, and so is importance', () => {
    for (const policy of policies.filter(readsCache)) {
      expect(() => run(model, policy, bound)).toThrow(
        /cannot be read of this model: all its layers|needs a calibration/,
      )
      note(name, policy, 'refused')
    }
    expect(() => ImportancePass.create(model, { cells: 60 })).toThrow(/all its layers have a sliding window/)
  })

  test.runIf(name !== allWindowed)(
    'attention of a sequence with holes: all of it falls on positions that are held',
    () => {
      using context = model.createContext({ cellsPerSequence: 256, sequences: 2, kvType: 'f32', attention: true })
      for (const sequenceId of [0, 1]) {
        context.append(sequenceId, tokens.slice(0, 100), 0, 'none')
        context.remove(sequenceId, 3 + sequenceId, 40)
      }
      const shares: number[] = []
      for (let position = 100; position < 140; position++) {
        const both = { tokens: [1, 2], positions: [position, position], sequenceIds: [0, 1] }
        context.decode(both, position % 2 === 0, [true, true])
        for (const row of [0, 1]) {
          const { positions, weights } = context.attention(row)
          expect(positions.length).toBe(position - 36 + row)
          expect(positions.every((held) => held < 3 + row || held >= 40)).toBe(true)
          const sum = weights.reduce((total, weight) => total + weight, 0)
          // A sink takes a share of its own.
          if (name === 'gpt-oss') expect(sum).toBeLessThan(1)
          else expect(sum).toBeCloseTo(1, 4)
          const old = weights.reduce((sum, weight, i) => sum + ((positions[i] ?? 0) <= position - 16 ? weight : 0), 0)
          shares.push(old / sum)
        }
      }
      // Window layers, which are not read, give nothing to what is older than their window.
      expect(shares.reduce((sum, share) => sum + share, 0) / shares.length).toBeGreaterThan(0.6)
    },
  )

  test.runIf(name !== allWindowed)('importance does not depend on how many tokens a pass has', () => {
    const trace = { tokens: tokens.slice(0, 200), promptTokens: 20, thinkStart: 21, thinkEnd: 150, answerStart: 151 }
    const [whole, byOne] = [256, 1].map((rows) => importanceOf(model, trace, rows))
    expect(whole?.every((value) => value > 0)).toBe(true)
    expect(largest(whole ?? [], byOne ?? [])).toBeLessThan(1e-5)
  })
})

/** A saved state without the cells of positions p0 to p1 - 1; what is behind the attention layers' part stays. Values are transposed. */
function withoutCells(
  state: Uint8Array,
  model: LlamaModel,
  p0: number,
  p1: number,
): { edited: Uint8Array; recurrentPart: number } {
  const { positions, dataOffset } = parseState(state, model)
  const view = new DataView(state.buffer, state.byteOffset)
  const kept = [...positions.keys()].filter((i) => (positions[i] ?? 0) < p0 || (positions[i] ?? 0) >= p1)
  const cellBytes = model.hasCoordinates ? 24 : 12
  const cells = dataOffset - positions.length * cellBytes
  const parts: Uint8Array[] = [state.slice(0, cells)]
  new DataView(parts[0]?.buffer ?? new ArrayBuffer(0)).setUint32(cells - 4, kept.length, true)
  const keep = (from: number, bytes: number) => {
    for (const i of kept) parts.push(state.subarray(from + i * bytes, from + (i + 1) * bytes))
    return from + positions.length * bytes
  }
  keep(cells, cellBytes)
  let at = dataOffset + 8
  const copy = (bytes: number) => {
    parts.push(state.subarray(at, at + bytes))
    at += bytes
  }
  const [transposed, layers] = [view.getUint32(dataOffset, true), view.getUint32(dataOffset + 4, true)]
  expect(transposed).toBe(1)
  parts.push(state.subarray(dataOffset, at))
  for (let layer = 0; layer < layers; layer++) {
    copy(12)
    at = keep(at, Number(view.getBigUint64(at - 8, true)))
  }
  for (let layer = 0; layer < layers; layer++) {
    copy(12)
    const [bytes, rows] = [view.getUint32(at - 8, true), view.getUint32(at - 4, true)]
    for (let row = 0; row < rows; row++) at = keep(at, bytes)
  }
  parts.push(state.subarray(at))
  return { edited: Buffer.concat(parts), recurrentPart: state.length - at }
}

test.each(Object.keys(families).filter((name) => name.includes('hybrid')))(
  '%s: cells removed from the middle are a saved state without them, and the recurrent state stays',
  async (name) => {
    using model = await load(families[name]!)
    const make = () => model.createContext({ cellsPerSequence: 256, kvType: 'f32', threads: 1 })
    const continued = (context: LlamaContext) =>
      tokens.slice(100, 160).map((token, i) => {
        context.decode({ tokens: [token], positions: [100 + i], sequenceIds: [0] }, false)
        return context.logprob(0, token)
      })
    using removed = make()
    removed.append(0, tokens.slice(0, 100), 0, 'none')
    const before = removed.save(0)
    removed.remove(0, 10, 60)
    using edited = make()
    const { edited: state, recurrentPart } = withoutCells(before, model.llama, 10, 60)
    expect(before.length).toBeGreaterThan(state.length)
    edited.restore(0, state)
    expect(Buffer.from(removed.save(0)).subarray(8)).toEqual(Buffer.from(edited.save(0)).subarray(8))
    // The recurrent part is the end of the state: a u32 and a header in front of each layer's values.
    const info = await inspectGguf(join(folder, 'model.gguf'))
    const overhead = recurrentPart - recurrentBytes(info)
    expect(overhead).toBeGreaterThan(0)
    expect(overhead).toBeLessThan(100)
    using whole = make()
    whole.append(0, tokens.slice(0, 100), 0, 'none')
    const logprobs = continued(removed)
    expect(largest(logprobs, continued(edited))).toBeLessThan(1e-6)
    expect(largest(logprobs, continued(whole))).toBeGreaterThan(1e-3)
  },
)

test('docs/models.md has the table of what was run here', () => {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const table = [
    row(['family', ...policies.map((policy) => `\`${policy}\``)]),
    ...[...seen].map(([family, of]) => row([family, ...policies.map((policy) => of.get(policy) ?? 'not run')])),
  ]
  const page = readFileSync(new URL('../../docs/models.md', import.meta.url), 'utf8')
  const lines = page.split('\n').map((line) => line.replaceAll(/ +/g, ' '))
  const start = lines.findIndex((line) => line.startsWith('| family |'))
  const end = lines.findIndex((line, i) => i > start && !line.startsWith('|'))
  expect(lines.slice(start, end).filter((_, i) => i !== 1)).toEqual(table)
})
