/** What the server tells of a run (`dynts.events`, docs/server.md), and a run as a file. */
import * as v from 'valibot'

/** The longest text that a file may hold. */
const mostPositions = 2 ** 20
const whole = v.pipe(v.number(), v.safeInteger())
const position = v.pipe(whole, v.minValue(0), v.maxValue(mostPositions))

/** Positions, first and last inclusive, ascending. */
const runs = v.pipe(
  v.array(v.tuple([position, position])),
  v.check(
    (all) => all.every(([first, last], i) => first <= last && first > (all[i - 1]?.[1] ?? -1)),
    'the runs of positions do not ascend',
  ),
)
const amount = v.nullable(v.number())

const startSchema = v.object({
  type: v.literal('start'),
  policy: v.string(),
  /** What is protected beyond what the policy protects by itself. */
  protect: v.optional(v.array(v.string())),
  budget: amount,
  local_window: amount,
  ratio: amount,
  leaving: amount,
  max_tokens: v.number(),
  seed: v.number(),
  prompt_tokens: whole,
  /** Its first 8,192 tokens. */
  prompt: v.array(v.tuple([whole, v.string()])),
})
const tokenSchema = v.object({
  type: v.literal('token'),
  position,
  token: whole,
  text: v.string(),
  phase: v.picklist(['thinking', 'answer', 'tag']),
  cells: whole,
  logprob: v.optional(v.number()),
})
const evictionSchema = v.object({
  type: v.literal('eviction'),
  step: whole,
  before: whole,
  after: whole,
  compacted: v.boolean(),
  evicted: runs,
  scored: v.optional(v.object({ runs, scores: v.string() })),
})
const queuedSchema = v.object({ type: v.literal('queued'), position: whole })

/** What it tells besides, the end of a run has as well. */
const finishSchema = v.object({ type: v.literal('finish') })

const eventSchema = v.variant('type', [startSchema, tokenSchema, evictionSchema, queuedSchema, finishSchema])

export type Runs = v.InferOutput<typeof runs>
export type StartEvent = v.InferOutput<typeof startSchema>
export type TokenEvent = v.InferOutput<typeof tokenSchema>
export type EvictionEvent = v.InferOutput<typeof evictionSchema>
export type RunEvent = v.InferOutput<typeof eventSchema>

/** The object `dynts` of an answer, as far as it is shown. */
const cacheSchema = v.object({
  cells: v.object({ peak: v.number(), mean: v.number(), final: v.number(), full: v.number(), allocated: v.number() }),
  bytes_per_cell: v.number(),
  evictions: v.number(),
  evicted_tokens: v.number(),
  degraded: v.boolean(),
  thinking_closed: v.nullable(v.string()),
})
const usageSchema = v.object({
  prompt_tokens: v.number(),
  completion_tokens: v.number(),
  prompt_tokens_details: v.object({ cached_tokens: v.number() }),
  completion_tokens_details: v.object({ reasoning_tokens: v.number() }),
})
const endSchema = v.object({
  cache: cacheSchema,
  usage: usageSchema,
  tokensPerSecond: v.number(),
  finish: v.picklist(['stop', 'length', 'tool_calls']),
})
export type RunEnd = v.InferOutput<typeof endSchema>
export type CacheResult = RunEnd['cache']

const fileSchema = v.object({
  schema: v.literal('dynts-run/1'),
  created: v.string(),
  server: v.object({ version: v.string() }),
  model: v.object({ name: v.string() }),
  /** What was asked. */
  request: v.object({ question: v.string(), body: v.record(v.string(), v.unknown()) }),
  /** Each with its milliseconds since the request. */
  events: v.array(v.tuple([v.number(), eventSchema])),
  answer: v.string(),
  /** null: it did not come to its end. */
  result: v.nullable(endSchema),
})
export type RunFile = v.InferOutput<typeof fileSchema>

const mostBytes = 50 * 2 ** 20

/** @throws Error with what is wrong, in words for the user */
export async function readRunFile(file: File): Promise<RunFile> {
  if (file.size > mostBytes) throw new Error(`${file.name} is larger than 50 MB`)
  let content: unknown
  try {
    content = JSON.parse(await file.text())
  } catch {
    throw new Error(`${file.name} is no JSON file`)
  }
  const { success, output, issues } = v.safeParse(fileSchema, content)
  if (success) return output
  const [issue] = issues
  throw new Error(`${file.name} is no run of dynts: ${v.getDotPath(issue) ?? ''} ${issue.message}`)
}
