/** What the server tells of a run (`dynts.events`, docs/server.md), and a run as a file. */
import * as z from 'zod/mini'

/** The longest text that a file may hold. */
const mostPositions = 2 ** 20
const position = z.int().check(z.minimum(0), z.maximum(mostPositions))

/** Positions, first and last inclusive, ascending. */
const runs = z.array(z.tuple([position, position])).check(
  z.refine((all) => all.every(([first, last], i) => first <= last && first > (all[i - 1]?.[1] ?? -1)), {
    error: 'the runs of positions do not ascend',
  }),
)
const amount = z.nullable(z.number())

const startSchema = z.object({
  type: z.literal('start'),
  policy: z.string(),
  budget: amount,
  local_window: amount,
  ratio: amount,
  leaving: amount,
  max_tokens: z.number(),
  seed: z.number(),
  prompt_tokens: z.int(),
  /** Its first 8,192 tokens. */
  prompt: z.array(z.tuple([z.int(), z.string()])),
})
const tokenSchema = z.object({
  type: z.literal('token'),
  position,
  token: z.int(),
  text: z.string(),
  phase: z.enum(['thinking', 'answer', 'tag']),
  cells: z.int(),
  logprob: z.optional(z.number()),
})
const evictionSchema = z.object({
  type: z.literal('eviction'),
  step: z.int(),
  before: z.int(),
  after: z.int(),
  compacted: z.boolean(),
  evicted: runs,
  scored: z.optional(z.object({ runs, scores: z.string() })),
})
const queuedSchema = z.object({ type: z.literal('queued'), position: z.int() })

const eventSchema = z.discriminatedUnion('type', [startSchema, tokenSchema, evictionSchema, queuedSchema])

export type Runs = z.infer<typeof runs>
export type StartEvent = z.infer<typeof startSchema>
export type TokenEvent = z.infer<typeof tokenSchema>
export type EvictionEvent = z.infer<typeof evictionSchema>
export type RunEvent = z.infer<typeof eventSchema>

/** The object `dynts` of an answer, as far as it is shown. */
const resultSchema = z.object({
  cells: z.object({ peak: z.number(), mean: z.number(), final: z.number(), full: z.number(), allocated: z.number() }),
  bytes_per_cell: z.number(),
  evictions: z.number(),
  evicted_tokens: z.number(),
  degraded: z.boolean(),
  thinking_closed: z.nullable(z.string()),
})
const usageSchema = z.object({
  prompt_tokens: z.number(),
  completion_tokens: z.number(),
  prompt_tokens_details: z.object({ cached_tokens: z.number() }),
  completion_tokens_details: z.object({ reasoning_tokens: z.number() }),
})
const endSchema = z.object({
  result: resultSchema,
  usage: usageSchema,
  tokensPerSecond: z.number(),
  finish: z.enum(['stop', 'length', 'tool_calls']),
})
export type RunEnd = z.infer<typeof endSchema>
export type RunResult = RunEnd['result']

const fileSchema = z.object({
  schema: z.literal('dynts-run/1'),
  created: z.string(),
  server: z.object({ version: z.string() }),
  model: z.object({ name: z.string() }),
  /** What was asked. */
  request: z.object({ question: z.string(), body: z.record(z.string(), z.unknown()) }),
  /** Each with its milliseconds since the request. */
  events: z.array(z.tuple([z.number(), eventSchema])),
  answer: z.string(),
  end: z.nullable(endSchema),
})
export type RunFile = z.infer<typeof fileSchema>

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
  const { success, data, error } = fileSchema.safeParse(content)
  if (success) return data
  const [issue] = error.issues
  throw new Error(`${file.name} is no run of dynts: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`)
}
