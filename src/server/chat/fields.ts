/**
 * The fields of requests that are known and do nothing here, and those that are not offered: a field is never without effect in
 * silence.
 */
import { ApiError } from '../api-error.ts'

/** They ask for nothing that a server on one machine could do otherwise. */
const withoutEffect: ReadonlySet<string> = new Set([
  ...[
    'user',
    'safety_identifier',
    'metadata',
    'service_tier',
    'prompt_cache_key',
    'prompt_cache_retention',
    'verbosity',
  ],
  ...['id_slot', 'n_keep', 'n_cache_reuse', 'timings_per_token', 'reasoning_control', 'skip_special_tokens'],
  'spaces_between_special_tokens',
])

type Neutral = (value: unknown) => boolean
const is =
  (...neutral: readonly unknown[]): Neutral =>
  (value) =>
    neutral.some((one) => JSON.stringify(one) === JSON.stringify(value))
const never: Neutral = () => false

/** Not offered, unless the value is the one that changes nothing: many programs send all fields that they know. */
const notOffered: Readonly<Record<string, Neutral>> = {
  adaptive_target: (value) => typeof value === 'number' && value < 0,
  audio: never,
  best_of: is(1),
  chat_template: never,
  dry_multiplier: is(0),
  dynatemp_range: is(0),
  echo: is(false),
  function_call: is('none'),
  functions: is([]),
  grammar: is(''),
  guided_choice: never,
  guided_grammar: never,
  guided_json: never,
  guided_regex: never,
  ignore_eos: is(false),
  include_stop_str_in_output: is(false),
  length_penalty: is(1),
  lora: is([]),
  min_keep: is(0),
  min_tokens: is(0),
  mirostat: is(0),
  modalities: is(['text']),
  post_sampling_probs: is(false),
  prediction: never,
  prompt_logprobs: is(0),
  samplers: never,
  store: is(false),
  structured_outputs: never,
  suffix: is(''),
  tfs_z: is(1),
  top_n_sigma: is(-1),
  typical_p: is(1),
  use_beam_search: is(false),
  web_search_options: never,
  xtc_probability: is(0),
}
/** They say how something is to be done that is switched off. */
const companions = /^(?:dry_|xtc_|mirostat_|dynatemp_|adaptive_)/

/**
 * What of a request is neither supported nor known, to be told to the client.
 * @throws ApiError `unsupported_parameter`
 */
export function ignoredFields(body: Readonly<Record<string, unknown>>, supported: ReadonlySet<string>): string[] {
  const ignored: string[] = []
  for (const [name, value] of Object.entries(body)) {
    if (value === null || value === undefined || supported.has(name) || withoutEffect.has(name)) continue
    const isNeutral = Object.hasOwn(notOffered, name) ? notOffered[name] : undefined
    if (isNeutral?.(value)) continue
    if (isNeutral) {
      const advice = /^(?:guided_|structured_outputs$|grammar$)/.test(name) ? 'use response_format' : 'leave it out'
      throw new ApiError(400, 'unsupported_parameter', `${name} is not offered: ${advice}`, { param: name })
    }
    if (!companions.test(name)) ignored.push(name)
  }
  return [...ignored, ...unknownStreamOptions(body['stream_options'])]
}

const streamOptions: ReadonlySet<string> = new Set(['include_usage', 'include_obfuscation', 'continuous_usage_stats'])

function unknownStreamOptions(given: unknown): string[] {
  const names = typeof given === 'object' && given !== null ? Object.keys(given) : []
  return names.filter((name) => !streamOptions.has(name)).map((name) => `stream_options.${name}`)
}

/** Of a small endpoint, which takes the fields of its own schema. @param known by name */
export function unknownFields(body: Readonly<Record<string, unknown>>, known: object): string[] {
  const isGiven = (name: string) => body[name] !== null && body[name] !== undefined
  return Object.keys(body).filter((name) => isGiven(name) && !Object.hasOwn(known, name))
}

/** Headers that name what was ignored as well: at most ten names, of harmless characters. */
export function withIgnored(
  headers: Readonly<Record<string, string>>,
  names: readonly string[],
): Readonly<Record<string, string>> {
  const harmless = names.map((name) => name.replace(/[^A-Za-z0-9_.-]/g, '').slice(0, 64)).filter((name) => name !== '')
  return harmless.length === 0 ? headers : { ...headers, 'x-dynts-ignored': harmless.slice(0, 10).join(',') }
}
