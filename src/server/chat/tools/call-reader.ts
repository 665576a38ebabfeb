/** How a format's calls are read. A reader takes the text behind an opening tag as it comes, for one call. */

/** A call that a model has written. */
export interface ParsedCall {
  readonly name: string
  /** JSON of an object, as the model wrote it. */
  readonly arguments: string
}

/** `open`: more text is needed. `broken`: this is no call. */
export type CallReading =
  'open' | 'broken' | { readonly call: ParsedCall; /** What stands behind it. */ readonly rest: string }

export interface CallReader {
  /** Takes more text, until it gives something else than `open`. */
  push(text: string): CallReading
  /** The text has ended: the call, if nothing but its closing tag is missing. */
  finish(): ParsedCall | undefined
}

export interface FoundTag {
  readonly tag: string
  /** Behind it. */
  readonly end: number
}

/** Which of the tags stands at a place, white space before it left out; `open`: that cannot be told yet. */
export function tagAt(text: string, at: number, tags: readonly string[]): FoundTag | 'open' | undefined {
  const rest = text.slice(at).trimStart()
  const tag = tags.find((one) => rest.startsWith(one))
  if (tag !== undefined) return { tag, end: text.length - rest.length + tag.length }
  return tags.some((one) => one.startsWith(rest)) ? 'open' : undefined
}
