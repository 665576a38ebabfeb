/** Joins pieces of a completion that wait for a slow client: fewer chunks with the same text. */
import { isObject } from '../../is-object.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * Joins a chunk to the last one of its choice, if both have nothing but text of one kind, log-probabilities and token ids.
 * @param waiting changed if so
 * @returns whether it did
 */
export function mergeChunk(waiting: object[], chunk: object): boolean {
  const later = choiceOf(chunk)
  if (!later) return false
  for (let i = waiting.length - 1; i >= 0; i--) {
    const earlier = waiting[i] && choiceOf(waiting[i] as Fields)
    if (!earlier) return false
    if (earlier['index'] !== later['index']) continue
    const joined = joinedChoice(earlier, later)
    if (joined) waiting[i] = { ...waiting[i], choices: [joined] }
    return joined !== undefined
  }
  return false
}

/** Of a chunk that tells of one choice alone that goes on. */
function choiceOf(chunk: object): Fields | undefined {
  const { choices, ...others } = chunk as Fields
  const [choice, ...more] = Array.isArray(choices) ? (choices as Fields[]) : []
  const tells = Object.keys(others).some((name) =>
    ['timings', 'dynts', 'prompt_progress', 'prompt_token_ids'].includes(name),
  )
  return choice && more.length === 0 && !tells && choice['finish_reason'] === null ? choice : undefined
}

function joinedChoice(earlier: Fields, later: Fields): Fields | undefined {
  if (!haveSameNames(earlier, later)) return undefined
  const joined: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(earlier)) {
    const next = later[name]
    const isSame = value === next && (value === null || typeof value === 'number')
    const whole = isSame ? value : joinedValue(value, next)
    if (whole === undefined) return undefined
    joined[name] = whole
  }
  return joined
}

/** Texts and lists go on; of objects with the same names each value does. Undefined: they cannot be joined. */
function joinedValue(value: unknown, next: unknown): unknown {
  if (typeof value === 'string' && typeof next === 'string') return value + next
  if (Array.isArray(value) && Array.isArray(next)) return [...(value as unknown[]), ...(next as unknown[])]
  if (!isObject(value) || !isObject(next) || !haveSameNames(value, next)) return undefined
  const joined = Object.entries(value).map(([name, one]) => {
    return [name, one === null && next[name] === null ? null : joinedValue(one, next[name])] as const
  })
  // A function's call has its pieces in a list, by their places in it.
  if (joined.some(([name, one]) => one === undefined || name === 'tool_calls' || name === 'role')) return undefined
  return Object.fromEntries(joined)
}

function haveSameNames(a: Fields, b: Fields): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name))
}
