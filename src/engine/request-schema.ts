/**
 * The form of a request, checked at run time: requests come from JavaScript and from other machines too. Whether the values
 * fit together and fit the model is checked in `prepare.ts`.
 */
import { z } from 'zod'
import { anyNumber, anyText, checkShape, oneOf, strictShape, yesOrNo } from '../check-shape.ts'
import { InputError } from '../errors.ts'
import { defaultSampling } from '../llama/index.ts'
import { templateVariables } from './template-variables.ts'
import type { GenerateRequest, Prompt } from './types.ts'

const listOf = <T extends z.ZodType>(element: T) => z.array(element, 'it must be an array')
const anyObject = z.custom<object>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'it must be an object',
)
const toolCall = strictShape({
  id: anyText.optional(),
  type: oneOf(['function']).optional(),
  function: strictShape({ name: anyText, arguments: anyObject }),
})
const message = strictShape({
  role: oneOf(['system', 'user', 'assistant', 'tool']),
  content: anyText,
  reasoning_content: anyText.optional(),
  tool_calls: listOf(toolCall).optional(),
  tool_call_id: anyText.optional(),
})
const tool = strictShape({
  type: oneOf(['function']),
  function: z.looseObject(
    { name: anyText.min(1, 'it must not be empty'), description: anyText.optional(), parameters: anyObject.optional() },
    'it must be an object',
  ),
})
const prompts = {
  messages: strictShape({
    messages: listOf(message),
    tools: listOf(tool).optional(),
    enableThinking: yesOrNo.optional(),
    templateVariables: templateVariables.optional(),
    isUntrusted: yesOrNo.optional(),
    begun: strictShape({ thinking: anyText.optional(), answer: anyText.optional() }).optional(),
  }),
  text: strictShape({ text: anyText }),
  tokens: strictShape({ tokens: listOf(anyNumber) }),
}
const promptForms = 'prompt must be { messages: [{ role, content }] }, { text } or { tokens }'
const sampling = strictShape(
  Object.fromEntries(Object.keys(defaultSampling).map((name) => [name, anyNumber.optional()])),
)
const schema = strictShape({
  prompt: z.unknown().optional(),
  policy: anyText.optional(),
  policyHash: anyText.optional(),
  policyOptions: anyObject.optional(),
  protect: listOf(z.unknown()).optional(),
  budget: anyNumber.optional(),
  localWindow: anyNumber.optional(),
  ratio: anyNumber.optional(),
  evictEvery: anyNumber.optional(),
  segments: anyNumber.optional(),
  valueReserve: anyNumber.optional(),
  sampling: sampling.optional(),
  seed: anyNumber.optional(),
  maxTokens: anyNumber.optional(),
  thinkingBudget: anyNumber.optional(),
  answerReserve: anyNumber.optional(),
  stopLoops: yesOrNo.optional(),
  wrapUp: anyText.optional(),
  stop: listOf(anyText.min(1, 'it must not be empty')).optional(),
  promptReuse: oneOf(['exact', 'prefix', 'none']).optional(),
  promptScope: anyText.optional(),
  promptEviction: strictShape({ at: anyNumber, leaving: listOf(anyNumber) }).optional(),
  logprobs: anyNumber.optional(),
  promptLogprobs: anyNumber.optional(),
  promptProgress: yesOrNo.optional(),
  ignoreEos: yesOrNo.optional(),
  evictionScores: yesOrNo.optional(),
  logitBias: listOf(z.tuple([anyNumber, anyNumber], 'it must be a pair of token and bias')).optional(),
  answerSchema: z
    .custom<object | boolean>(
      (value) => typeof value === 'boolean' || (typeof value === 'object' && value !== null && !Array.isArray(value)),
      'it must be a JSON schema: an object, true or false',
    )
    .optional(),
  answerCalls: strictShape({ functions: listOf(anyText).optional(), most: anyNumber.optional() }).optional(),
  replay: z
    .custom<string | number[]>(
      (value) => typeof value === 'string' || listOf(anyNumber).safeParse(value).success,
      'it must be a string or an array of tokens',
    )
    .optional(),
})

/**
 * The request, its prompt of one form only.
 * @throws InputError `invalid_request` naming the first field that is wrong
 */
export function checkRequest(request: GenerateRequest): GenerateRequest {
  checkShape(schema, request, 'invalid_request', 'the request')
  return { ...request, prompt: checkPrompt(request.prompt) }
}

/** @throws InputError `invalid_request` naming the first field that is wrong */
export function checkPrompt(prompt: unknown): Prompt {
  if (typeof prompt !== 'object' || prompt === null) throw new InputError('invalid_request', promptForms)
  const given = Object.entries(prompt).filter(([, value]) => value !== undefined)
  const [form, ...others] = Object.keys(prompts).filter((name) => given.some(([key]) => key === name))
  if (form === undefined || others.length > 0) throw new InputError('invalid_request', promptForms)
  const wanted = strictShape({ prompt: prompts[form as keyof typeof prompts] })
  const checked = Object.fromEntries(given)
  checkShape(wanted, { prompt: checked }, 'invalid_request', 'prompt')
  return checked as unknown as Prompt
}

const parts = strictShape({
  thinking: anyText,
  answer: anyText,
  ended: yesOrNo,
  cutFrom: z.enum(['tag', 'thinking']).optional(),
})

/** @throws InputError `invalid_request` naming the first field that is wrong */
export function checkCompletion(completion: unknown): void {
  if (typeof completion === 'string') return
  const form = Array.isArray(completion) ? listOf(anyNumber) : parts
  checkShape(strictShape({ completion: form }), { completion }, 'invalid_request', 'completion')
}
