/** GET /health, /metrics, /props and /slots: what the server is and does. */
import { z } from 'zod'
import type { LocatedModel } from '../../engine/locate-model.ts'
import type { PolicyDefinition } from '../../eviction/policy.ts'
import { formatPolicyReference, parsePolicyReference } from '../../eviction/protect.ts'
import { ApiError } from '../api-error.ts'
import { policyOf, type RequestDefaults } from '../chat/sampling-fields.ts'
import type { Endpoint } from '../endpoint.ts'
import * as answers from '../openapi/answers.ts'
import type { ServerState } from '../server-state.ts'

/** Answered from this process's memory: the engine is not asked. */
export const health: Endpoint = {
  method: 'GET',
  path: '/health',
  also: ['/v1/health'],
  summary: 'Whether generations are accepted',
  needsKey: false,
  query: { live: { meaning: '1: whether this process answers at all' } },
  answer: answers.health,
  handle: ({ backend, service }, { headers, url }) => {
    const isLive = url.searchParams.get('live') === '1'
    if (isLive || (backend.state === 'ready' && !service.isDraining))
      return Response.json({ status: 'ok' }, { headers })
    const status = service.isDraining ? 'draining' : backend.state
    const error = new ApiError(503, status === 'restarting' ? 'engine_restarting' : status, `the server is ${status}`)
    const progress = status === 'loading' ? { progress: backend.progress } : {}
    return Response.json(
      { status, ...progress, ...error.body },
      { status: 503, headers: { ...headers, 'retry-after': '1' } },
    )
  },
}

export const metrics: Endpoint = {
  method: 'GET',
  path: '/metrics',
  summary: 'Figures for Prometheus',
  needsKey: true,
  answer: 'text/plain',
  handle: async ({ settings, metrics: figures }, { headers }) => {
    if (!settings.hasMetrics) throw disabled('--no-metrics')
    return new Response(await figures.text(), { headers: { ...headers, 'content-type': figures.contentType } })
  },
}

export const slots: Endpoint = {
  method: 'GET',
  path: '/slots',
  summary: 'What each slot does',
  needsKey: true,
  query: { fail_on_no_slot: { meaning: '1: status 503 if none is free' } },
  answer: answers.slots,
  handle: (state, { headers, url }) => {
    if (!state.settings.hasSlots) throw disabled('--no-slots')
    const all = state.service.slots.map((_, id) => slotOf(state, id))
    const isFull = all.every(({ is_processing }) => is_processing)
    const status = isFull && url.searchParams.get('fail_on_no_slot') === '1' ? 503 : 200
    return Response.json(all, { status, headers })
  },
}

function slotOf({ service, backend }: ServerState, id: number) {
  const job = service.slots[id]
  const seconds = job?.startedAt === undefined ? 0 : (performance.now() - job.startedAt) / 1000
  return {
    id,
    is_processing: job !== undefined,
    id_task: job?.id ?? null,
    n_ctx: backend.facts?.cells ?? 0,
    policy: job?.policy ?? null,
    budget: job?.budget ?? null,
    cells: job?.cells ?? 0,
    prompt_tokens: job?.promptTokens ?? 0,
    cached_tokens: job?.cachedTokens ?? 0,
    generated_tokens: job?.generatedTokens ?? 0,
    phase: job?.phase ?? null,
    seconds: Math.round(seconds * 1000) / 1000,
  }
}

export const props: Endpoint = {
  method: 'GET',
  path: '/props',
  summary: 'What the server was started with, in llama-server’s names',
  needsKey: true,
  answer: answers.props,
  handle: async (state, { headers }) => {
    const { settings, located, backend } = state
    const { defaults, bound, aliases, version, kvType, template } = settings
    const { info, predictor, thinkingTags } = located
    const sampling = defaults.sampling
    return Response.json(
      {
        default_generation_settings: {
          n_ctx: bound?.budget ?? backend.facts?.cells ?? 0,
          params: {
            temperature: sampling.temperature,
            top_k: sampling.topK,
            top_p: sampling.topP,
            min_p: sampling.minP,
            repeat_penalty: sampling.repeatPenalty,
            repeat_last_n: sampling.repeatLastN,
            presence_penalty: sampling.presencePenalty,
            frequency_penalty: sampling.frequencyPenalty,
            seed: -1,
            max_tokens: defaults.maxTokens,
          },
        },
        total_slots: defaults.slots,
        model_alias: aliases[0],
        model_path: info.path.replace(/^.*[\\/]/, ''),
        chat_template: info.chatTemplate ?? '',
        chat_template_caps: {
          supports_tools: defaults.toolFormat !== undefined,
          supports_thinking_switch: template.hasThinkingSwitch,
          supports_system_role: template.showsSystem,
        },
        ...(await boundaryTokens(state)),
        modalities: { vision: false, audio: false },
        build_info: `dynts-${version}`,
        is_sleeping: false,
        dynts: {
          policy: policyName(defaults),
          budget: bound?.budget ?? null,
          local_window: bound?.localWindow ?? null,
          ratio: bound?.ratio ?? null,
          evict_every: bound?.evictEvery ?? null,
          segments: bound?.segments ?? null,
          value_reserve: bound?.valueReserve ?? null,
          cells: backend.facts?.cells ?? null,
          kv_type: kvType,
          bytes_per_cell: backend.facts?.bytesPerCell ?? null,
          policies: [...defaults.policies.values()].map(({ definition }) => policyFacts(definition)),
          thinking_tags: { open: thinkingTags.open, close: thinkingTags.close },
          predictor: predictor ? { shape: predictor.shape, budget: predictor.budget ?? null } : null,
        },
      },
      { headers },
    )
  },
}

interface BoundaryTokens {
  readonly bos_token: string
  readonly eos_token: string
}

/** They are asked for once: an engine in the midst of a long step would let everybody wait. */
const boundaries = new WeakMap<LocatedModel, BoundaryTokens>()

/** The texts of the tokens with which texts begin and end, once there is a model. */
export async function boundaryTokens({ located, backend }: ServerState): Promise<BoundaryTokens> {
  const known = boundaries.get(located)
  if (known) return known
  if (backend.state !== 'ready') return { bos_token: '', eos_token: '' }
  const { bosId, eosId } = located.info.tokenizer
  const ids = [bosId, eosId].filter((id) => id !== undefined)
  const texts = await backend.ask('detokenize', ids)
  const textOf = (id: number | undefined) => (id === undefined ? '' : (texts[ids.indexOf(id)] ?? ''))
  const told = { bos_token: textOf(bosId), eos_token: textOf(eosId) }
  boundaries.set(located, told)
  return told
}

/** The server's policy as requests may name it: of a file the policy's name, never its path. */
function policyName(defaults: RequestDefaults): string {
  const { policy, protect } = parsePolicyReference(defaults.policy)
  return formatPolicyReference({ policy: policyOf({}, defaults)?.name ?? policy, protect })
}

function policyFacts(definition: PolicyDefinition) {
  const { name, summary, needs, evicts, byAge, options } = definition
  const defaults = options.safeParse({})
  const own = defaults.success ? definition.protects(defaults.data) : undefined
  return {
    name,
    summary,
    evicts,
    needs_attention: needs.has('attention'),
    protects_question: !evicts || own?.question === true,
    protects_local_window: !evicts || own?.localWindow === true,
    has_scores: evicts && byAge !== true,
    options: z.toJSONSchema(options, { unrepresentable: 'any' }),
  }
}

function disabled(flag: string): ApiError {
  return new ApiError(404, 'disabled', `this part is switched off (${flag})`)
}
