/**
 * A recall text in a model's tokens: as many sentences between the fact and its repetition as a distance allows, and before the fact
 * as a length allows. Replays nothing.
 */
import type { Model } from '../../engine/model.ts'
import { EngineError } from '../../errors.ts'
import type { GivenTrace, RecalledFact } from '../tasks/task.ts'
import { recallText, type RecallText } from './recall-text.ts'

/** The vocabulary is enough. */
export type RecallVocabulary = Pick<Model, 'layout' | 'tokenize' | 'detokenize'>

/** A trace that ends with the repeated value, which is all that counts of its answer. */
export type RecallTrace = GivenTrace & { readonly fact: RecalledFact }

export interface RecallLength {
  /**
   * The most tokens from the last one of the fact to the first one of its repeated value; the sentence that would go beyond is left
   * out. What closes the thinking and leads to the value is always there, and may be more.
   */
  readonly distance: number
  /** The most generated tokens, but for one or two. */
  readonly length: number
}

/** @param seed of the text */
export async function layOutRecall(
  vocabulary: RecallVocabulary,
  seed: number,
  { distance, length }: RecallLength,
): Promise<RecallTrace> {
  // A sentence has more than one token.
  const text = recallText(seed, { before: length, after: distance })
  const lay = async (before: number, after: number) => await traceOf(vocabulary, text, { before, after }, distance)
  const near = await lay(0, 0)
  let after = await most(vocabulary, text.after, distance - tokensBetween(near))
  let late = await lay(0, after)
  // At the seams the tokens may be others.
  while (after > 0 && tokensBetween(late) > distance) late = await lay(0, --after)
  return await lay(await most(vocabulary, text.before, length - late.tokens.length), after)
}

/** Tokens from the last one of the fact to the first one of its repeated value. */
function tokensBetween({ fact, answerFrom }: RecallTrace): number {
  return answerFrom - (fact.to - 1)
}

async function traceOf(
  vocabulary: RecallVocabulary,
  { question, opening, before, statement, after, cue, value }: RecallText,
  count: { readonly before: number; readonly after: number },
  distance: number,
): Promise<RecallTrace> {
  const [first, behind] = [before.slice(0, count.before), after.slice(0, count.after)]
  const thinking = `${opening}${first.join('')} ${statement}.${behind.join('')}`
  const completion = { thinking, answer: `${cue} ${value}`, ended: false }
  const { tokens, promptTokens } = await vocabulary.layout({
    prompt: { messages: [{ role: 'user', content: question }] },
    completion,
  })
  const generated = [...tokens.subarray(promptTokens)]
  const pieces = await vocabulary.detokenize(generated)
  const whole = pieces.join('')
  const stated = whole.indexOf(statement)
  const repeated = whole.lastIndexOf(value)
  const fact = tokensWithin(pieces, stated, stated + statement.length)
  const last = tokensWithin(pieces, repeated, repeated + value.length)
  if (stated < 0 || fact.to > last.from || last.to !== pieces.length) {
    throw new EngineError(
      'text_differs',
      `the model’s tokens do not give the text that they are of: ${JSON.stringify(whole)}`,
    )
  }
  return {
    promptTokens: [...tokens.subarray(0, promptTokens)],
    tokens: generated,
    answerFrom: last.from,
    fact: { ...fact, distance },
  }
}

/** Indices of the tokens that have a part in the characters `start` .. `end - 1`. */
function tokensWithin(
  pieces: readonly string[],
  start: number,
  end: number,
): { readonly from: number; readonly to: number } {
  let offset = 0
  let from = pieces.length
  let to = 0
  for (const [i, piece] of pieces.entries()) {
    const next = offset + piece.length
    if (next > start && offset < end) {
      from = Math.min(from, i)
      to = i + 1
    }
    offset = next
  }
  return { from, to }
}

/** How many of the first sentences have so many tokens together, or fewer. */
async function most(vocabulary: RecallVocabulary, sentences: readonly string[], tokens: number): Promise<number> {
  const pieces = await vocabulary.detokenize(await vocabulary.tokenize(sentences.join('')))
  const room = pieces.slice(0, Math.max(tokens, 0)).join('').length
  let [count, length] = [0, 0]
  for (const sentence of sentences) {
    length += sentence.length
    if (length > room) break
    count++
  }
  return count
}
