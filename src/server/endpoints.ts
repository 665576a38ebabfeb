/** All endpoints, and which one a request is for. */
import { ApiError, shown } from './api-error.ts'
import type { Endpoint } from './endpoint.ts'
import { chatCompletions, control, countTokens, textCompletions } from './routes/completions.ts'
import { model, models } from './routes/models.ts'
import { openApi } from './routes/openapi.ts'
import { responses } from './routes/responses.ts'
import { page, pageAssets } from './routes/page.ts'
import { cancelStream, resumeStream } from './routes/stream.ts'
import { health, metrics, props, slots } from './routes/state.ts'
import { applyTemplate, detokenize, tokenize, tokenizerInfo } from './routes/tokens.ts'

const described: readonly Endpoint[] = [
  chatCompletions,
  countTokens,
  control,
  textCompletions,
  responses,
  resumeStream,
  cancelStream,
  models,
  model,
  health,
  metrics,
  props,
  slots,
  tokenize,
  detokenize,
  tokenizerInfo,
  applyTemplate,
  page,
  pageAssets,
]

export const endpoints: readonly Endpoint[] = [...described, openApi(described)]

/** Known elsewhere, not offered here: what to use instead. */
const elsewhere: Readonly<Record<string, string>> = {
  '/v1/embeddings': 'embeddings are not offered',
  '/v1/messages': 'use /v1/chat/completions',
  '/v1/rerank': 'reranking is not offered',
  '/completion': 'use /v1/chat/completions',
  '/infill': 'infilling is not offered',
  '/api/chat': 'use /v1/chat/completions',
}

export interface Found {
  readonly endpoint: Endpoint
  readonly params: Readonly<Record<string, string>>
}

/** @returns ApiError `not_found`, `method_not_allowed`, `not_supported` where there is none */
export function findEndpoint(method: string, path: string): Found | ApiError {
  const candidates = endpoints.flatMap((endpoint) => {
    const params = [endpoint.path, ...(endpoint.also ?? [])].map((pattern) => match(pattern, path)).find((one) => one)
    return params ? [{ endpoint, params }] : []
  })
  const asked = method === 'HEAD' ? 'GET' : method
  const found = candidates.find(({ endpoint }) => endpoint.method === asked)
  if (found) return found
  if (candidates.length > 0) {
    const allowed = candidates.map(({ endpoint }) => endpoint.method).join(', ')
    return new ApiError(405, 'method_not_allowed', `${shown(path)} takes ${allowed}`, { allow: allowed })
  }
  const hint = Object.hasOwn(elsewhere, path) ? elsewhere[path] : undefined
  if (hint !== undefined) return new ApiError(501, 'not_supported', `${path} is not offered: ${hint}`)
  const versioned = endpoints.some((endpoint) => match(endpoint.path, `/v1${path}`))
  return new ApiError(
    404,
    'not_found',
    `there is no ${shown(path)} here${versioned ? `: the base address ends in /v1` : ''}`,
  )
}

function match(pattern: string, path: string): Record<string, string> | undefined {
  const [wanted, given] = [pattern.split('/'), path.split('/')]
  if (wanted.length !== given.length) return undefined
  const params: Record<string, string> = {}
  for (const [i, part] of wanted.entries()) {
    const own = given[i] ?? ''
    if (part.startsWith(':')) params[part.slice(1)] = decoded(own)
    else if (part !== own) return undefined
  }
  return params
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
