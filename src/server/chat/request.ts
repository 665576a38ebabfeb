/** A request for a chat completion: its form, and what it asks of the engine. */
import { z } from 'zod'
import type { GenerateRequest } from '../../engine/types.ts'
import type { ChatMessage } from '../../llama/index.ts'
import { ApiError, shown } from '../api-error.ts'
import type { PromptToken } from './event-chunks.ts'
import { ignoredFields } from './fields.ts'
import { messagesSchema, readMessages } from './messages.ts'
import { readResponseFormat, responseFormatFields } from './response-format.ts'
import {
  generationOf,
  mayGrow,
  policyOf,
  samplingFields,
  seedOf,
  tokenLimit,
  type RequestDefaults,
} from './sampling-fields.ts'
import { readThinking, thinkingFields } from './thinking.ts'
import type { ToolCallSettings } from './tools/tool-call-parser.ts'
import { readTools, toolFields, toolsNotSupported } from './tools/tool-fields.ts'

const shape = {
  ...samplingFields,
  ...responseFormatFields,
  logprobs: z.boolean('it must be true or false').nullish(),
  top_logprobs: z
    .int('it must be a whole number')
    .min(0, 'it must be at least 0')
    .max(20, 'it must be at most 20')
    .nullish(),
  ...thinkingFields,
  ...toolFields,
  messages: messagesSchema,
  reasoning_format: z.enum(['auto', 'deepseek', 'none'], 'it must be auto, deepseek or none').nullish(),
  separate_reasoning: z.boolean('it must be true or false').nullish(),
  include_reasoning: z.boolean('it must be true or false').nullish(),
  continue_final_message: z.boolean('it must be true or false').nullish(),
  add_generation_prompt: z.boolean('it must be true or false').nullish(),
}
export const chatForm = z.object(shape)
const supported: ReadonlySet<string> = new Set(Object.keys(shape))

/** What both kinds of requests come to. */
export interface ReadRequest {
  readonly model: string | undefined
  /** One for each prompt. */
  readonly generations: readonly Omit<GenerateRequest, 'seed'>[]
  /** Of the first choice of each prompt; the others count on. */
  readonly seed: number
  /** Of each prompt. */
  readonly choices: number
  readonly isStream: boolean
  readonly includeUsage: boolean
  readonly withEvents: boolean
  /** Whether it is told how far the prompt is. */
  readonly withProgress: boolean
  /** The tokens of each prompt, where they are to be told; filled in by `settle`. */
  readonly prompts: readonly (readonly PromptToken[])[]
  readonly withTokenIds: boolean
  /** Those of the first prompt, if they are asked for; filled in by `settle`. */
  readonly promptTokenIds?: readonly number[]
  /** Whether `maxTokens` shrinks to what fits. */
  readonly mayShrink: boolean
  /** How thinking is told: in a field of its own, not at all, or as part of the text, with its tags. */
  readonly thinkingTo: 'field' | 'nowhere' | 'content'
  /** Fields that are not known. */
  readonly ignored: readonly string[]
  /** JSON pointers of what of the answer's schema is not enforced. */
  readonly schemaNotEnforced: readonly string[]
  /** How calls of functions are found in the answer; undefined: they are not looked for. */
  readonly toolCalls: ToolCallSettings | undefined
  /** Which part of a turn that was begun goes on: the white space at its beginning belongs to it. */
  readonly goesOn: 'thinking' | 'answer' | undefined
  /** Whether the budget is the server's, and grows to what the prompt needs. */
  readonly mayGrow: boolean
  /** Whether each choice begins with its prompt. */
  readonly echoes: boolean
}

/** @throws ApiError naming the first field that is wrong */
export function readChatRequest(body: Readonly<Record<string, unknown>>, defaults: RequestDefaults): ReadRequest {
  const ignored = ignoredFields(body, supported)
  const { toolFormat } = defaults
  const asksForTools = Array.isArray(body['tools']) && body['tools'].length > 0 && body['tool_choice'] !== 'none'
  if (asksForTools && toolFormat === undefined) throw toolsNotSupported('tools')
  if (typeof body['logprobs'] === 'number') {
    const message = 'logprobs takes a number with /v1/completions only: give logprobs: true, and top_logprobs'
    throw new ApiError(400, 'unsupported_parameter', message, { param: 'logprobs' })
  }
  const given = checked(chatForm, body)
  const { begun, ...conversation } = readMessages(given.messages, toolFormat !== undefined, continuesOf(given))
  const messages = withSystem(conversation.messages, defaults.system)
  const { enabled, budget, effort, variables } = readThinking(given)
  const ofEffort = effort === undefined ? undefined : defaults.effortBudgets?.get(effort)
  const { schema, notEnforced } = readResponseFormat(given)
  const { tools, answerCalls, reading, notEnforced: looseArguments } = readTools(given, toolFormat, schema)
  if (begun?.answer && (schema !== undefined || answerCalls !== undefined)) {
    const message = 'an answer that is begun already cannot be held to a form: leave the last message out'
    throw new ApiError(400, 'conflicting_parameters', message, { param: 'messages' })
  }
  const { maxTokens, isGiven } = tokenLimit(given, defaults)
  const isSeparate = given.reasoning_format !== 'none' && given.separate_reasoning !== false
  const isHidden = given.include_reasoning === false || given.reasoning?.exclude === true
  const thinkingBudget = enabled === false ? 0 : (budget ?? ofEffort ?? defaults.thinkingBudget)
  return {
    ...common(given, defaults),
    generations: [
      {
        ...generationOf(given, defaults),
        prompt: {
          messages,
          ...(tools === undefined ? {} : { tools }),
          enableThinking: enabled ?? true,
          templateVariables: variables,
          isUntrusted: !defaults.trustsSpecial,
          ...(begun === undefined ? {} : { begun }),
        },
        maxTokens,
        thinkingBudget,
        ...logprobsOf(given),
        evictionScores: given.dynts?.events === true && policyOf(given, defaults)?.byAge !== true,
        ...(schema === undefined ? {} : { answerSchema: schema }),
        ...(answerCalls === undefined ? {} : { answerCalls }),
      },
    ],
    mayShrink: !isGiven,
    mayGrow: mayGrow(given),
    thinkingTo: !isSeparate ? 'content' : isHidden ? 'nowhere' : 'field',
    ignored,
    schemaNotEnforced: answerCalls === undefined ? notEnforced : looseArguments,
    toolCalls: reading,
    goesOn: begun?.answer ? 'answer' : begun?.thinking ? 'thinking' : undefined,
    echoes: false,
  }
}

/** As vLLM has it: the two fields belong together. @throws ApiError `conflicting_parameters` */
function continuesOf({
  continue_final_message: continues,
  add_generation_prompt: begins,
}: Pick<z.infer<typeof chatForm>, 'continue_final_message' | 'add_generation_prompt'>): boolean | null | undefined {
  if (begins === false ? continues === true : continues !== true || begins !== true) return continues
  const message = 'add_generation_prompt: false and continue_final_message: true belong together'
  throw new ApiError(400, 'conflicting_parameters', message, { param: 'add_generation_prompt' })
}

/** A conversation that begins with no system message gets the server's. */
function withSystem(messages: ChatMessage[], system: string | undefined): ChatMessage[] {
  if (system === undefined || messages[0]?.role === 'system') return messages
  return [{ role: 'system', content: system }, ...messages]
}

/** @throws ApiError `invalid_value` */
function logprobsOf({ logprobs, top_logprobs: top }: Pick<z.infer<typeof chatForm>, 'logprobs' | 'top_logprobs'>) {
  if (logprobs === true) return { logprobs: top ?? 0 }
  if (top) throw new ApiError(400, 'invalid_value', 'top_logprobs needs logprobs: true', { param: 'top_logprobs' })
  return {}
}

/** @throws ApiError naming the first field that is wrong */
export function checked<T extends z.ZodType>(wanted: T, body: unknown): z.infer<T> {
  const { data, error } = wanted.safeParse(body)
  if (!error) return data
  const [issue] = error.issues
  const path = shown(issue?.path.join('.') ?? '')
  const mayBeMissing = issue?.code === 'invalid_type' || issue?.code === 'invalid_union'
  const isMissing = mayBeMissing && issue.input === undefined && valueAt(body, issue.path) === undefined
  const what = path === '' ? 'the body' : path
  const message = isMissing ? `${what} is missing` : `${what}: ${issue?.message ?? 'it is wrong'}`
  const code = isMissing ? 'missing_field' : issue?.code === 'invalid_type' ? 'invalid_type' : 'invalid_value'
  throw new ApiError(400, code, message, { param: path })
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined | null)?.[key], body)
}

/** What the two kinds of requests tell alike. @throws ApiError `invalid_value` */
export function common(
  given: z.infer<z.ZodObject<typeof samplingFields>>,
  { slots }: RequestDefaults,
): Pick<
  ReadRequest,
  | 'model'
  | 'seed'
  | 'choices'
  | 'isStream'
  | 'includeUsage'
  | 'withEvents'
  | 'withProgress'
  | 'prompts'
  | 'withTokenIds'
> {
  const choices = given.n ?? 1
  if (choices > slots) {
    throw new ApiError(400, 'invalid_value', `n must be at most ${slots} (--parallel), not ${choices}`, { param: 'n' })
  }
  const isStream = given.stream ?? false
  if (given.stream_options && !isStream) {
    throw new ApiError(400, 'invalid_value', 'stream_options has no effect without stream', { param: 'stream_options' })
  }
  if (given.dynts?.events === true && !isStream) {
    throw new ApiError(400, 'invalid_value', 'dynts.events has no effect without stream', { param: 'dynts.events' })
  }
  if (given.return_progress === true && !isStream) {
    throw new ApiError(400, 'invalid_value', 'return_progress has no effect without stream', {
      param: 'return_progress',
    })
  }
  return {
    model: given.model ?? undefined,
    seed: seedOf(given),
    choices,
    isStream,
    includeUsage: given.stream_options?.include_usage ?? false,
    withEvents: given.dynts?.events ?? false,
    withProgress: given.return_progress ?? false,
    prompts: [],
    withTokenIds: given.return_token_ids ?? given.return_tokens ?? false,
  }
}
