/** Questions in JSON: numbers as they are written, and the forms in which a whole table is one object. */
import { InputError } from '../../errors.ts'
import { isObject } from '../../is-object.ts'

type JsonObject = Readonly<Record<string, unknown>>

/** In valid JSON these are whole tokens. */
const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
/** A double holds so many digits of any number. */
const exactDigits = 15

/**
 * JSON in which a number of more than 15 digits, of which a double would lose some, or one
 * beyond its range (`1e400`), becomes a string as it is written.
 * @throws InputError `invalid_questions`
 */
export function parseJson(text: string, where: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    if (!/\d[\d.]{15}|\d[eE][-+]?\d{3}/.test(text)) return value
    return JSON.parse(text.replace(stringOrNumber, (token) => (isNoDouble(token) ? `"${token}"` : token)))
  } catch (cause) {
    throw new InputError('invalid_questions', `${where} is not JSON: ${(cause as Error).message}.`, { cause })
  }
}

function isNoDouble(token: string): boolean {
  if (token.startsWith('"')) return false
  const [digits = ''] = token.split(/[eE]/)
  const value = Number(token)
  const isBeyond = !Number.isFinite(value) || (value === 0 && /[1-9]/.test(digits))
  return isBeyond || (token.match(/\d/g)?.length ?? 0) > exactDigits
}

/** What a list of records is called in an object around it. */
const listNames = [
  ...['data', 'rows', 'examples', 'instances', 'items', 'questions', 'problems', 'records'],
  ...['test', 'train'],
]

/**
 * The records of an object that is a whole table: a list inside it (`{ data: [...] }`), or columns (`{ question: [...], answer: [...] }`,
 * or with row numbers, as pandas writes them). Undefined: it is a record itself.
 */
export function tableOf(whole: JsonObject): readonly unknown[] | undefined {
  const list = listNames.map((name) => whole[name]).find((value) => isListOf(value, isObject))
  return list ?? rowsOfColumns(whole)
}

function rowsOfColumns(whole: JsonObject): readonly JsonObject[] | undefined {
  const columns = Object.entries(whole).map(([name, value]) => [name, cellsOf(value)] as const)
  const length = columns[0]?.[1]?.length ?? 0
  // A single record may have lists as well: a conversation, choices. A question is a text.
  const hasTexts = columns.some(([, cells]) => cells?.every((cell) => typeof cell === 'string'))
  if (columns.length < 2 || length === 0 || !hasTexts) return undefined
  if (columns.some(([, cells]) => cells?.length !== length)) return undefined
  return Array.from({ length }, (_, i) => Object.fromEntries(columns.map(([name, cells]) => [name, cells?.[i]])))
}

/** A column as a list, or as `{ "0": ..., "1": ... }`. */
function cellsOf(column: unknown): readonly unknown[] | undefined {
  if (Array.isArray(column)) return column.some(isObject) ? undefined : (column as readonly unknown[])
  if (!isObject(column)) return undefined
  return Object.keys(column).every((key, i) => key === String(i)) ? Object.values(column) : undefined
}

function isListOf<T>(value: unknown, is: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.length > 0 && value.every(is)
}
