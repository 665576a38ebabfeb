/**
 * What was measured, one self-contained line of JSON for each answer, in a file that only grows. A run that was killed goes
 * on where it stopped, because a key says what a line is the measurement of. Knows nothing of engines.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'

export const recordSchema = 'dynts-accuracy/1'

/** All that an answer depends on. */
const conditions = z.object({
  policy: z.string(),
  item: z.string(),
  /** Of the run; each item's own follows from it. */
  seed: z.number(),
  /** null: the full cache, unbounded. */
  budget: z.number().nullable(),
  localWindow: z.number().nullable(),
  ratio: z.number().nullable(),
  maxTokens: z.number(),
  sampling: z.record(z.string(), z.number()),
  kvType: z.string(),
  /** SHA-256 of the files. */
  model: z.string(),
  predictor: z.string().nullable(),
})

const record = z.object({
  schema: z.literal(recordSchema),
  ...conditions.shape,
  itemSeed: z.number(),
  expected: z.string(),
  /** null: no box. */
  answer: z.string().nullable(),
  correct: z.boolean(),
  /** Whether it was cut off before its end. */
  truncated: z.boolean(),
  promptTokens: z.number(),
  thinkingTokens: z.number(),
  answerTokens: z.number(),
  meanCells: z.number(),
  peakCells: z.number(),
  evictions: z.number(),
  evictedTokens: z.number(),
  degraded: z.boolean(),
  text: z.string(),
  versions: z.record(z.string(), z.string()),
  at: z.iso.datetime(),
})

export type Conditions = z.infer<typeof conditions>
export type AccuracyRecord = z.infer<typeof record>

/** The same for equal conditions, whatever else the object holds. */
export function keyOf(of: Conditions): string {
  const { policy, item, seed, budget, localWindow, ratio, maxTokens, sampling, kvType, model, predictor } = of
  const settings = Object.entries(sampling).sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([policy, item, seed, budget, localWindow, ratio, maxTokens, settings, kvType, model, predictor])
}

export class RecordFile {
  readonly path: string
  readonly #records = new Map<string, AccuracyRecord>()
  /** Lines that could not be read, such as one cut off by a kill. */
  readonly unreadable: number

  /** @param fresh puts an existing file aside and begins a new one */
  constructor(path: string, fresh: boolean) {
    this.path = path
    mkdirSync(dirname(path), { recursive: true })
    if (fresh && existsSync(path)) {
      const time = new Date().toISOString().replaceAll(/[:.]/g, '-')
      renameSync(path, path.replace(/\.jsonl$/, `.until-${time}.jsonl`))
    }
    const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
    if (text !== '' && !text.endsWith('\n')) appendFileSync(path, '\n')
    let unreadable = 0
    for (const line of text.split('\n').filter((line) => line !== '')) {
      const parsed = record.safeParse(parseJson(line))
      if (parsed.success) this.#records.set(keyOf(parsed.data), parsed.data)
      else unreadable++
    }
    this.unreadable = unreadable
  }

  find(of: Conditions): AccuracyRecord | undefined {
    return this.#records.get(keyOf(of))
  }

  add(added: AccuracyRecord): void {
    appendFileSync(this.path, `${JSON.stringify(added)}\n`)
    this.#records.set(keyOf(added), added)
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
