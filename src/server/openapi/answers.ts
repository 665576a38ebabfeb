/** The forms of what endpoints answer, for the description of the API. Fields may be added: what is not listed is allowed. */
import { z } from 'zod'

const text = z.string()
const count = z.int().min(0)
const number = z.number()
const finishReason = z.enum(['stop', 'length', 'tool_calls'])

/** A schema with its name in the description. */
export interface NamedSchema {
  readonly name: string
  readonly schema: z.ZodType
}

export const errorAnswer: NamedSchema = {
  name: 'Error',
  schema: z.object({
    error: z.looseObject({ message: text, type: text, param: text.nullable(), code: text }),
  }),
}

const usage = z.looseObject({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: count,
  prompt_tokens_details: z.looseObject({ cached_tokens: count }),
  completion_tokens_details: z.looseObject({ reasoning_tokens: count }),
})
const timings = z.looseObject({
  ...{ cache_n: count, prompt_n: count, prompt_ms: number, prompt_per_token_ms: number, prompt_per_second: number },
  ...{ predicted_n: count, predicted_ms: number, predicted_per_token_ms: number, predicted_per_second: number },
})
const cache = z
  .looseObject({ policy: text.optional(), budget: count.nullish() })
  .describe('What became of the cache; with several choices, `choices` has one of each.')

const token = z.looseObject({ id: count, token: text, bytes: z.array(count), logprob: number })
const tokens = z.array(z.looseObject({ ...token.shape, top_logprobs: z.array(token) }))
const logprobs = z.looseObject({ content: tokens, reasoning: tokens, refusal: z.null() })

const call = z.looseObject({
  id: text,
  type: z.literal('function'),
  function: z.looseObject({ name: text, arguments: text.describe('JSON') }),
})
const thinking = { reasoning_content: text.optional(), reasoning: text.optional() }
const head = { id: text, created: count, model: text, system_fingerprint: text }
const choice = { index: count, logprobs: logprobs.nullable(), token_ids: z.array(count).optional() }
const ends = { usage, timings, dynts: cache, prompt_token_ids: z.array(count).optional() }
const progress = z
  .looseObject({ total: count, cache: count, processed: count, time_ms: number })
  .describe('Tokens of the prompt; the cached ones are among those that are processed.')
const chunkEnds = {
  prompt_token_ids: z.array(count).optional(),
  prompt_progress: progress.optional(),
  usage: usage.nullish(),
  timings: timings.optional(),
  dynts: z.looseObject({}).optional(),
}

export const chatCompletion: NamedSchema = {
  name: 'ChatCompletion',
  schema: z.looseObject({
    ...head,
    object: z.literal('chat.completion'),
    choices: z.array(
      z.looseObject({
        ...choice,
        message: z.looseObject({
          role: z.literal('assistant'),
          content: text.nullable(),
          ...thinking,
          tool_calls: z.array(call).optional(),
          refusal: z.null(),
        }),
        finish_reason: finishReason,
      }),
    ),
    ...ends,
  }),
}

export const chatChunk: NamedSchema = {
  name: 'ChatCompletionChunk',
  schema: z.looseObject({
    ...head,
    object: z.literal('chat.completion.chunk'),
    choices: z.array(
      z.looseObject({
        ...choice,
        delta: z.looseObject({
          role: z.literal('assistant').optional(),
          content: text.nullish(),
          ...thinking,
          tool_calls: z
            .array(
              z.looseObject({
                index: count,
                id: text.optional(),
                type: z.literal('function').optional(),
                function: z.looseObject({ name: text.optional(), arguments: text }),
              }),
            )
            .optional(),
        }),
        finish_reason: finishReason.nullable(),
      }),
    ),
    ...chunkEnds,
  }),
}

const oldLogprobs = z.looseObject({
  tokens: z.array(text),
  token_logprobs: z.array(number.nullable()),
  top_logprobs: z.array(z.record(text, number).nullable()),
  text_offset: z.array(count),
})
const textChoice = z.looseObject({
  ...{ index: count, text, reasoning_content: text.optional(), token_ids: z.array(count).optional() },
  logprobs: oldLogprobs.nullable(),
})
const isText = z.literal('text_completion')

export const textCompletion: NamedSchema = {
  name: 'Completion',
  schema: z.looseObject({
    ...{ ...head, object: isText, ...ends },
    choices: z.array(z.looseObject({ ...textChoice.shape, finish_reason: finishReason })),
  }),
}

export const textChunk: NamedSchema = {
  name: 'CompletionChunk',
  schema: z.looseObject({
    ...{ ...head, object: isText, ...chunkEnds },
    choices: z.array(z.looseObject({ ...textChoice.shape, finish_reason: finishReason.nullable() })),
  }),
}

const status = z.enum(['in_progress', 'completed', 'incomplete', 'failed'])
const outputItem = z.discriminatedUnion('type', [
  z.looseObject({
    ...{ type: z.literal('reasoning'), id: text, status, summary: z.array(z.unknown()) },
    content: z.array(z.looseObject({ type: z.literal('reasoning_text'), text })),
  }),
  z.looseObject({
    ...{ type: z.literal('message'), id: text, status, role: z.literal('assistant') },
    content: z.array(
      z.looseObject({ type: z.literal('output_text'), text, annotations: z.array(z.unknown()), logprobs: tokens }),
    ),
  }),
  z.looseObject({ type: z.literal('function_call'), id: text, status, call_id: text, name: text, arguments: text }),
])

export const response: NamedSchema = {
  name: 'Response',
  schema: z.looseObject({
    ...{ id: text, object: z.literal('response'), created_at: count, status, model: text },
    output: z.array(outputItem),
    error: z.looseObject({ code: text, message: text }).nullable(),
    incomplete_details: z.looseObject({ reason: z.literal('max_output_tokens') }).nullable(),
    usage: z
      .looseObject({
        ...{ input_tokens: count, output_tokens: count, total_tokens: count },
        input_tokens_details: z.looseObject({ cached_tokens: count }),
        output_tokens_details: z.looseObject({ reasoning_tokens: count }),
      })
      .nullable(),
  }),
}

export const responseEvent: NamedSchema = {
  name: 'ResponseEvent',
  schema: z.looseObject({ type: text.regex(/^response\./), sequence_number: count }),
}

const modelObject = z.looseObject({
  ...{ id: text, object: z.literal('model'), created: count, owned_by: text, aliases: z.array(text) },
  ...{ max_model_len: count, meta: z.looseObject({ n_ctx: count, n_ctx_train: count, n_vocab: count }).nullable() },
  dynts: z.looseObject({ budget: count.nullable(), max_prompt_tokens: count, policies: z.array(text) }),
})
export const model: NamedSchema = { name: 'Model', schema: modelObject }
export const modelList: NamedSchema = {
  name: 'ModelList',
  schema: z.looseObject({ object: z.literal('list'), data: z.array(modelObject) }),
}

export const health: NamedSchema = {
  name: 'Health',
  schema: z.looseObject({ status: z.enum(['ok', 'loading', 'restarting', 'draining', 'closed']) }),
}
export const props: NamedSchema = {
  name: 'Props',
  schema: z.looseObject({
    default_generation_settings: z.looseObject({ n_ctx: count, params: z.looseObject({}) }),
    ...{ total_slots: count, model_alias: text, model_path: text, chat_template: text, build_info: text },
    chat_template_caps: z.looseObject({
      supports_tools: z.boolean(),
      supports_thinking_switch: z.boolean(),
      supports_system_role: z.boolean(),
    }),
    dynts: z.looseObject({
      policy: text,
      kv_type: text,
      policies: z.array(
        z.looseObject({ name: text, summary: text, evicts: z.boolean(), needs_attention: z.boolean() }),
      ),
    }),
  }),
}
export const slots: NamedSchema = {
  name: 'Slots',
  schema: z.array(
    z.looseObject({
      ...{ id: count, is_processing: z.boolean(), id_task: text.nullable(), n_ctx: count, cells: count },
      ...{ prompt_tokens: count, cached_tokens: count, generated_tokens: count },
    }),
  ),
}

export const tokenCount: NamedSchema = {
  name: 'TokenCount',
  schema: z.looseObject({ object: z.literal('response.input_tokens'), input_tokens: count }),
}
export const controlled: NamedSchema = {
  name: 'Controlled',
  schema: z.looseObject({ success: z.boolean(), message: text.optional() }),
}
export const tokenList: NamedSchema = {
  name: 'Tokens',
  schema: z.looseObject({
    tokens: z.array(z.union([count, z.looseObject({ id: count, piece: z.union([text, z.array(count)]) })])),
    ...{ count, max_model_len: count },
  }),
}
export const detokenized: NamedSchema = { name: 'Text', schema: z.looseObject({ content: text, prompt: text }) }
export const tokenizerInfo: NamedSchema = {
  name: 'TokenizerInfo',
  schema: z.looseObject({ bos_token: text.nullable(), eos_token: text.nullable(), chat_template: text.nullable() }),
}
export const rendered: NamedSchema = { name: 'Prompt', schema: z.looseObject({ prompt: text }) }
