/** What a request asks of the odds of tokens: which it is told, and which it changes. */
import { InputError } from '../errors.ts'
import type { Vocabulary } from './forward-pass.ts'
import { checkTokens } from './prompt.ts'
import { banned } from './token-odds.ts'
import type { GenerateRequest } from './types.ts'

const mostBiases = 1024
const mostAlternatives = 20

/** @throws InputError `invalid_request` */
export function checkOdds({
  logprobs,
  promptLogprobs,
  promptEviction,
  logitBias = [],
  replay,
  ignoreEos,
  answerSchema,
  answerCalls,
}: GenerateRequest): void {
  const refuse = (message: string) => new InputError('invalid_request', message)
  for (const [name, count = 0] of Object.entries({ logprobs, promptLogprobs })) {
    if (Number.isInteger(count) && count >= 0 && count <= mostAlternatives) continue
    throw refuse(`${name} must be a whole number from 0 to ${mostAlternatives}, not ${count}`)
  }
  if (promptLogprobs !== undefined && promptEviction !== undefined)
    throw refuse('promptLogprobs are those of a prompt that is read whole: leave promptEviction out')
  if (logitBias.length > mostBiases)
    throw refuse(`logitBias must have at most ${mostBiases} tokens, not ${logitBias.length}`)
  const wrong = logitBias.find(([, bias]) => !(bias >= -100 && bias <= 100))
  if (wrong) throw refuse(`the bias of token ${wrong[0]} must be from -100 to 100, not ${wrong[1]}`)
  if (logitBias.length > 0 && replay !== undefined) throw refuse('logitBias has no effect on a replay')
  if (ignoreEos === true && replay !== undefined) throw refuse('ignoreEos has no effect on a replay')
  if (ignoreEos === true && (answerSchema !== undefined || answerCalls !== undefined))
    throw refuse('ignoreEos and an answer of a given form contradict each other: such an answer ends')
}

/** @throws InputError `invalid_request` for what is no token, and where nothing would be left to generate */
export function biasOf({ logitBias = [], ignoreEos }: GenerateRequest, vocab: Vocabulary): ReadonlyMap<number, number> {
  checkTokens(
    vocab,
    logitBias.map(([token]) => token),
  )
  const bias = new Map(logitBias)
  if (ignoreEos === true) for (const token of endTokens(vocab)) bias.set(token, banned)
  const bans = [...bias.values()].filter((amount) => amount <= banned).length
  if (bans >= vocab.size)
    throw new InputError('invalid_request', 'logitBias bans every token: nothing could be generated')
  return bias
}

function endTokens(vocab: Vocabulary): number[] {
  return Array.from({ length: vocab.size }, (_, token) => token).filter((token) => vocab.endsGeneration(token))
}
