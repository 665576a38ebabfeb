/**
 * What a token's importance is measured as: the label that a predictor learns, before it is put on the target's scale.
 */
import { InputError } from '../errors.ts'

/**
 * `answer`: mean attention of the answer's tokens (arXiv 2601.18383, Eq. 6, as a mean), the default. `later:W`: mean attention of all
 * tokens that come so much later that the local window of W tokens no longer holds the token. `mix:W`: both, each divided by its mean
 * over the trace, averaged.
 */
export type Label = 'answer' | `later:${number}` | `mix:${number}`

export const defaultLabel: Label = 'answer'

/** W of a label that does not say it. */
const defaultLabelWindow = 128

/**
 * @param window W where the text names none
 * @throws InputError `invalid_label`
 */
export function parseLabel(text: string, window = defaultLabelWindow): Label {
  if (text === 'answer') return text
  const [, kind, digits = String(window)] = /^(later|mix)(?::(\d+))?$/.exec(text) ?? []
  const distance = Number(digits)
  if (kind !== undefined && Number.isSafeInteger(distance) && distance >= 1)
    return `${kind as 'later' | 'mix'}:${distance}`
  throw new InputError(
    'invalid_label',
    `"${text}" is no label: use answer, later or mix, the latter two with the local window if wanted (for example later:512).`,
  )
}

/** Which attention a label is made of, and W; 1 for one without: a token's own query does not count. */
export function labelParts(label: Label): {
  readonly answer: boolean
  readonly later: boolean
  readonly window: number
} {
  const [kind, window = '1'] = label.split(':')
  return { answer: kind !== 'later', later: kind !== 'answer', window: Number(window) }
}
