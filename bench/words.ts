/**
 * Tokens that a benchmark can feed: text that is no tag and ends nothing, so that every run is as long as it should be.
 */
import type { LoopModel, TokenSampler, Vocabulary } from '../src/engine/forward-pass.ts'
import { Random } from './random.ts'

/** Up to 512 tokens of plain letters, spread over the vocabulary. */
export function wordTokens(vocab: Vocabulary): number[] {
  const words: number[] = []
  const stride = Math.max(1, Math.floor(vocab.size / 2048))
  for (let token = 0; token < vocab.size && words.length < 512; token += stride) {
    const text = new TextDecoder().decode(vocab.piece(token))
    if (/^ ?[A-Za-z]+$/.test(text) && !vocab.endsGeneration(token)) words.push(token)
  }
  if (words.length === 0) throw new Error('the vocabulary holds no words')
  return words
}

/** A question of `length` tokens; the BOS token first where the model wants one. */
export function randomPrompt(vocab: Vocabulary, length: number): number[] {
  const words = wordTokens(vocab)
  const random = new Random(length)
  const prompt = Array.from({ length }, () => words[random.below(words.length)] ?? 0)
  if (vocab.addsBos) prompt[0] = vocab.bos
  return prompt
}

/** The same model, but each sampled token is replaced by a random word. The sampler works all the same. */
export function forceWords(model: LoopModel): LoopModel {
  const words = wordTokens(model.vocab)
  const random = new Random(1)
  return {
    ...model,
    createSampler: (settings, seed): TokenSampler => {
      const sampler = model.createSampler(settings, seed)
      return {
        sample: (row) => {
          sampler.sample(row)
          return words[random.below(words.length)] ?? 0
        },
        accept: (token) => sampler.accept(token),
        dispose: () => sampler.dispose(),
      }
    },
  }
}
