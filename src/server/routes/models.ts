/** GET /v1/models and /v1/models/{id}. */
import type { GgufInfo } from '../../models/gguf-file.ts'
import { ApiError, quoted } from '../api-error.ts'
import type { Endpoint } from '../endpoint.ts'
import * as answers from '../openapi/answers.ts'
import type { ServerState } from '../server-state.ts'
import { mostPromptTokens } from '../text-size.ts'

export const models: Endpoint = {
  method: 'GET',
  path: '/v1/models',
  also: ['/models'],
  summary: 'The model that is served',
  needsKey: true,
  answer: answers.modelList,
  handle: (state, { headers }) => Response.json({ object: 'list', data: [describe(state)] }, { headers }),
}

export const model: Endpoint = {
  method: 'GET',
  path: '/v1/models/:id',
  summary: 'The model by one of its names',
  needsKey: true,
  answer: answers.model,
  handle: (state, { headers, params: { id = '' } }) => {
    const { aliases } = state.settings
    if (!aliases.includes(id)) {
      throw new ApiError(404, 'model_not_found', `there is no model ${quoted(id)} here; there is ${aliases.join(', ')}`)
    }
    return Response.json(describe(state, id), { headers })
  },
}

/** Within so many tokens clients keep a conversation. */
export function contextOf({ settings, located: { info }, backend }: ServerState): number {
  return settings.bound?.budget ?? Math.min(backend.facts?.cells ?? info.trainedContext, info.trainedContext)
}

function describe(state: ServerState, id: string = state.settings.aliases[0]) {
  const { settings, located, backend, startedAt } = state
  const { info } = located
  const context = contextOf(state)
  return {
    id,
    object: 'model',
    created: startedAt,
    owned_by: 'dynts',
    aliases: settings.aliases,
    max_model_len: context,
    // Null until it is loaded.
    meta: backend.facts
      ? {
          n_ctx: context,
          n_ctx_train: info.trainedContext,
          n_vocab: info.vocabularySize,
          n_embd: info.hiddenSize,
          n_params: parametersOf(info),
          size: info.weightBytes,
        }
      : null,
    dynts: {
      budget: settings.bound?.budget ?? null,
      max_prompt_tokens: mostPromptTokens(state),
      max_text_tokens: info.trainedContext,
      policies: [...settings.defaults.policies.keys()],
    },
  }
}

function parametersOf({ tensors }: GgufInfo): number {
  return tensors.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0)
}
