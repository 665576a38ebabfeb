/** Errors in OpenAI's shape, and what becomes one. */
import { beginning } from '../beginning.ts'
import { EngineError, InputError } from '../errors.ts'
import { policyOptionTable } from '../eviction/registry.ts'
import { fieldOf, withFields } from '../option-names.ts'
import { wellFormed } from './well-formed.ts'

export interface ApiErrorFacts {
  /** The field of the request that is wrong. */
  readonly param?: string | undefined
  /** Further fields of the error object. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined
  /** Methods that a path takes. */
  readonly allow?: string | undefined
  /** Seconds. */
  readonly retryAfter?: number | undefined
  /** Of a prompt that does not fit. */
  readonly budgets?: NeededBudgets | undefined
}

/** Budgets under which a prompt fits: at all, and with a selection window as large as the local window. */
export interface NeededBudgets {
  readonly least: number
  readonly roomy: number
}

/** The type that goes with a status, where no other is given. */
const types: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  405: 'invalid_request_error',
  408: 'invalid_request_error',
  413: 'invalid_request_error',
  415: 'invalid_request_error',
  429: 'rate_limit_error',
  431: 'invalid_request_error',
  499: 'invalid_request_error',
  500: 'server_error',
  501: 'not_supported_error',
  503: 'unavailable_error',
}

/** Of messages that a template or a library wrote: they may repeat what a client sent. */
const mostMessage = 1000

/** What a client is answered with. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly facts: ApiErrorFacts

  constructor(status: number, code: string, message: string, facts: ApiErrorFacts = {}) {
    super(shown(message, mostMessage))
    this.name = 'ApiError'
    this.status = status
    this.code = code
    this.facts = facts
  }

  get body(): { readonly error: Readonly<Record<string, unknown>> } {
    const { param, extra } = this.facts
    const type =
      this.code === 'context_length_exceeded' ? 'exceed_context_size_error' : (types[this.status] ?? 'server_error')
    return {
      error: {
        message: this.message,
        type,
        param: param === undefined ? null : shown(param),
        code: this.code,
        ...extra,
      },
    }
  }
}

/** What a client sent, as a message shows it: its beginning, without control characters. */
export function shown(text: string, most?: number): string {
  return visible(beginning(text, most))
}

/** The same in quotation marks. */
export function quoted(text: string): string {
  const visibleText = visible(JSON.stringify(wellFormed(text.slice(0, 200))))
  return text.length > 200 ? `${visibleText} and more` : visibleText
}

function visible(text: string): string {
  const escape = (control: string) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`
  return wellFormed(text).replace(/\p{Cc}/gu, escape)
}

export function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof InputError) return ofInput(error)
  if (error instanceof EngineError && error.code === 'engine_died') {
    return new ApiError(
      503,
      'engine_died',
      'the engine ended while it was at this request; it is being started again',
      {
        retryAfter: 1,
      },
    )
  }
  if (error instanceof EngineError) {
    return new ApiError(500, error.code === 'constraint_stuck' ? error.code : 'engine_failed', error.message)
  }
  return new ApiError(500, 'internal_error', "this is a bug in dynts; the server's log has the details")
}

function ofInput({ code, message, details }: InputError): ApiError {
  if (code === 'prompt_too_long') {
    const { promptTokens = 0, mostPromptTokens = 0, leastBudget: least, roomyBudget: roomy } = details
    const budgets = least !== undefined && roomy !== undefined ? { least, roomy } : undefined
    const remedy = budgets ? 'start the server with a larger --budget' : 'use a model that was trained for longer texts'
    return contextExceeded(promptTokens, mostPromptTokens, { budgets, remedy })
  }
  // No request can help it.
  if (code === 'no_score') return new ApiError(500, 'engine_failed', message)
  let param: string | undefined
  const text = withFields(message, (name) => {
    param ??= paramOf(name)
    return fieldName(name)
  })
  return new ApiError(400, code, text, { param })
}

interface ContextHints {
  readonly budgets?: NeededBudgets | undefined
  /** What besides a shorter conversation would do. */
  readonly remedy: string
}

/** Agents recognise this sentence and this code, and shorten the conversation. */
export function contextExceeded(
  promptTokens: number | string,
  most: number,
  { budgets, remedy }: ContextHints,
): ApiError {
  const least = budgets ? { least_budget: budgets.least } : {}
  return new ApiError(
    400,
    'context_length_exceeded',
    `request (${promptTokens} tokens) exceeds the available context size (${most} tokens), try increasing it: shorten the conversation, or ${remedy}`,
    { extra: { n_prompt_tokens: promptTokens, n_ctx: most, ...least }, budgets },
  )
}

const policyOptions = new Set(policyOptionTable().map(({ key }) => key))
/** What messages of the engine name that is a field of a request, or of its `dynts` object. */
const requestFields = new Set([
  'policy',
  'budget',
  'localWindow',
  'ratio',
  'evictEvery',
  'segments',
  'valueReserve',
  'answerReserve',
  'maxTokens',
])

/** Where the request has it. */
function paramOf(name: string): string | undefined {
  if (!requestFields.has(name)) return undefined
  return name === 'maxTokens' ? 'max_tokens' : `dynts.${fieldOf(name)}`
}

function fieldName(name: string): string | undefined {
  if (requestFields.has(name)) return fieldOf(name)
  return policyOptions.has(name) ? name : undefined
}
