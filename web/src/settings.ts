/** What the user sets for the next question. Undefined: the server's default. */
export interface Settings {
  readonly policy: string | undefined
  readonly budget: number | undefined
  readonly localWindow: number | undefined
  readonly ratio: number | undefined
  readonly thinkingBudget: number | undefined
  readonly maxTokens: number | undefined
  readonly temperature: number | undefined
  readonly topP: number | undefined
  readonly topK: number | undefined
  readonly seed: number | undefined
}

export const noSettings: Settings = {
  ...{ policy: undefined, budget: undefined, localWindow: undefined, ratio: undefined, thinkingBudget: undefined },
  ...{ maxTokens: undefined, temperature: undefined, topP: undefined, topK: undefined, seed: undefined },
}

const keys = Object.keys(noSettings) as (keyof Settings)[]
const stored = 'dynts-settings'

/** As they were left; what the address names after `#` goes first. */
export function loadSettings(hash = location.hash): Settings {
  const named = Object.fromEntries(new URLSearchParams(hash.replace(/^#/, '')))
  return { ...noSettings, ...known(parsed(localStorage.getItem(stored))), ...known(named) }
}

export function saveSettings(settings: Settings): void {
  localStorage.setItem(stored, JSON.stringify(settings))
}

/** An address that leads to the page with these settings. */
export function linkTo(settings: Settings): string {
  const given = keys.flatMap((key) => (settings[key] === undefined ? [] : [[key, String(settings[key])]]))
  return `${location.origin}${location.pathname}#${new URLSearchParams(given).toString()}`
}

/** The server's defaults, as far as they bound the cache. */
interface CacheDefaults {
  readonly local_window: number | null
  readonly evict_every: number | null
}

/** The least budget under which a prompt can be carried out: it, the local window, and the cells that leave at an eviction. */
export function leastBudget(
  { localWindow, ratio }: Settings,
  defaults: CacheDefaults | undefined,
  promptTokens: number,
): number {
  const leaving = ratio === undefined ? (defaults?.evict_every ?? 1) : 1
  return promptTokens + (localWindow ?? defaults?.local_window ?? 0) + leaving
}

export interface Message {
  readonly role: 'user' | 'assistant'
  readonly content: string
  readonly reasoning_content?: string
}

/** The request's body. */
export function bodyOf(
  messages: readonly Message[],
  settings: Settings,
  { withEvents }: { readonly withEvents: boolean },
): Record<string, unknown> {
  const { policy, budget, localWindow, ratio, thinkingBudget, maxTokens, temperature, topP, topK, seed } = settings
  const bounded = policy !== 'full'
  return defined({
    messages,
    temperature,
    top_p: topP,
    top_k: topK,
    seed,
    max_tokens: maxTokens,
    thinking_budget: thinkingBudget,
    return_progress: withEvents ? true : undefined,
    dynts: defined({
      events: withEvents ? true : undefined,
      policy,
      ...(bounded ? { budget, local_window: localWindow, ratio } : {}),
    }),
  })
}

function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function parsed(text: string | null): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? '{}')
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** Of what was stored or named, what is a setting. */
function known(fields: Readonly<Record<string, unknown>>): Partial<Settings> {
  const entries = keys.flatMap((key): [string, unknown][] => {
    const value = fields[key]
    if (key === 'policy') return typeof value === 'string' && value !== '' ? [[key, value]] : []
    const number = typeof value === 'string' && value !== '' ? Number(value) : value
    return typeof number === 'number' && Number.isFinite(number) ? [[key, number]] : []
  })
  return Object.fromEntries(entries)
}
