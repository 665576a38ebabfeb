/** Python's `str.format`, as far as chat templates use it: fields by order, number or name, and doubled braces. */

interface Printable {
  toString(): string
}

/** @throws Error for a field that has no value, and for conversions and format specifications */
export function formatText(
  text: string,
  positional: readonly Printable[],
  named: ReadonlyMap<string, Printable>,
): string {
  let next = 0
  return text.replace(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g, (found, field?: string) => {
    if (found === '{{' || found === '}}') return found.charAt(0)
    if (field === undefined) throw new Error(`format: a single "${found}" in "${text}"`)
    const value = field === '' ? positional[next++] : /^\d+$/.test(field) ? positional[Number(field)] : named.get(field)
    if (value === undefined) throw new Error(`format: nothing is given for the field {${field}}`)
    return value.toString()
  })
}
