/** Python's ways to put values into a text, as far as chat templates use them: `str.format`, and `%` (also the filter `format`). */
import type { NamedArguments, Value } from './library.ts'
import { attributeOf, isText, numberOf, pythonType, repr, str, valueOf } from './values.ts'

/**
 * Fields by order, number or name, their attributes, `!r` and `!s`, and doubled braces.
 * @throws Error for a field that has no value, and for a width or a precision
 */
export function formatText(text: string, positional: readonly Value[], named: NamedArguments): string {
  let next = 0
  return text.replace(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g, (found, field?: string) => {
    if (found === '{{' || found === '}}') return found.charAt(0)
    const parts = /^(\w*)((?:\.\w+|\[\w+\])*)(?:!([rs]))?$/.exec(field ?? '!')
    if (!parts) throw new Error(`"${found}" is not understood`)
    const [, name = '', path = '', conversion] = parts
    const value = name === '' ? positional[next++] : /^\d+$/.test(name) ? positional[Number(name)] : named.get(name)
    if (value === undefined) throw new Error(`nothing is given for the field ${found}`)
    const keys = path.split(/[.[\]]+/).filter((key) => key !== '')
    const own = keys.length === 0 ? value : attributeOf(value, valueOf(keys.join('.')))
    return conversion === 'r' ? repr(own) : str(own)
  })
}

/**
 * `text % values`: `%s`, `%r`, `%d`, `%i`, `%f` with digits after the point, and `%%`.
 * @throws Error for other places, and if there are more or fewer values than places
 */
export function formatPercent(text: string, values: readonly Value[]): string {
  let next = 0
  const result = text.replace(/%(?:\.(\d{1,2}))?(.?)/gs, (found, digits: string | undefined, kind: string) => {
    if (found === '%%') return '%'
    const value = values[next++]
    if (value === undefined) throw new Error(`nothing is given for "${found}"`)
    if (digits === undefined && kind === 's') return str(value)
    if (digits === undefined && kind === 'r') return repr(value)
    if (kind !== 'f' && (digits !== undefined || (kind !== 'd' && kind !== 'i'))) {
      throw new Error(`"${found}" is not understood`)
    }
    const number = numberOf(value)
    if (number === undefined) throw new Error(`"${found}" needs a number, not ${pythonType(value)}`)
    return kind === 'f' ? number.toFixed(Number(digits ?? 6)) : String(Math.trunc(number))
  })
  const [first] = values
  // As Python: what can be indexed might have been for places with names.
  const isContainer = first !== undefined && values.length === 1 && numberOf(first) === undefined && !isText(first)
  if (next < values.length && !isContainer) throw new Error(`${values.length} values are given for ${next} places`)
  return result
}
