/**
 * Sampler chains in C. The order is that of Hugging Face transformers (repeat penalties, temperature, top-k, top-p, min-p),
 * so that published settings mean the same here. Top-k is applied before the temperature: temperature keeps the order of
 * the logits, so the result is the same and the sorted list is short.
 */
import { InputError } from '../errors.ts'
import type { Bindings } from './bindings.ts'
import type { Candidates } from './candidates.ts'
import type { LlamaContext } from './context.ts'
import { NativeHandle } from './handle.ts'
import type { LlamaModel } from './model.ts'
import type { Pointer } from './structs.ts'

export interface SamplingSettings {
  /** 0: greedy. */
  readonly temperature: number
  /** 0: off. */
  readonly topK: number
  /** 1: off. */
  readonly topP: number
  /** 0: off. */
  readonly minP: number
  /** 1: off. */
  readonly repeatPenalty: number
  /** How many of the last tokens are penalised; 0: none. */
  readonly repeatLastN: number
  readonly frequencyPenalty: number
  readonly presencePenalty: number
}

/** The paper's decoding settings (section 6.1). */
export const defaultSampling: SamplingSettings = {
  temperature: 0.6,
  topK: 20,
  topP: 0.95,
  minP: 0,
  repeatPenalty: 1,
  repeatLastN: 64,
  frequencyPenalty: 0,
  presencePenalty: 0,
}

/** llama.cpp reads 2^32 - 1 as "a random seed". */
export const largestSeed = 0xffff_fffe

/**
 * Checks the numbers before C sees them.
 * @throws InputError `invalid_sampling` naming the setting and its range
 */
export function validateSampling(settings: SamplingSettings, seed: number): void {
  const { temperature, topK, topP, minP, repeatPenalty, repeatLastN, frequencyPenalty, presencePenalty } = settings
  const check = (ok: boolean, name: string, range: string, value: number) => {
    if (!ok) throw new InputError('invalid_sampling', `\`${name}\` must be ${range}, not ${value}`)
  }
  check(temperature >= 0 && Number.isFinite(temperature), 'temperature', 'a number of at least 0', temperature)
  check(Number.isInteger(topK) && topK >= 0 && topK < 2 ** 31, 'topK', 'a whole number of at least 0', topK)
  check(topP > 0 && topP <= 1, 'topP', 'above 0 and at most 1', topP)
  check(minP >= 0 && minP < 1, 'minP', 'at least 0 and below 1', minP)
  check(repeatPenalty > 0 && Number.isFinite(repeatPenalty), 'repeatPenalty', 'above 0', repeatPenalty)
  check(
    Number.isInteger(repeatLastN) && repeatLastN >= 0 && repeatLastN <= 65_536,
    'repeatLastN',
    'a whole number from 0 to 65536',
    repeatLastN,
  )
  check(Math.abs(frequencyPenalty) <= 100, 'frequencyPenalty', 'between -100 and 100', frequencyPenalty)
  check(Math.abs(presencePenalty) <= 100, 'presencePenalty', 'between -100 and 100', presencePenalty)
  check(
    Number.isInteger(seed) && seed >= 0 && seed <= largestSeed,
    'seed',
    `a whole number from 0 to ${largestSeed}`,
    seed,
  )
}

/** Logits divided by less overflow a float32: below it the largest wins anyway. */
const smallestTemperature = 1e-6

export class Sampler extends NativeHandle {
  readonly #c: Bindings

  /** @throws InputError `invalid_sampling` */
  static create(model: LlamaModel, settings: SamplingSettings, seed: number): Sampler {
    validateSampling(settings, seed)
    const { c } = model.library
    const chain = c.llama_sampler_chain_init({ no_perf: true })
    const add = (sampler: Pointer) => c.llama_sampler_chain_add(chain, sampler)
    const { repeatPenalty, repeatLastN, frequencyPenalty, presencePenalty } = settings
    if (repeatLastN > 0 && (repeatPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0)) {
      const { size } = model.vocab
      add(c.llama_sampler_init_penalties(size, repeatLastN, repeatPenalty, frequencyPenalty, presencePenalty))
    }
    if (settings.temperature < smallestTemperature) {
      add(c.llama_sampler_init_greedy())
    } else {
      if (settings.topK > 0) add(c.llama_sampler_init_top_k(settings.topK))
      add(c.llama_sampler_init_temp(settings.temperature))
      if (settings.topP < 1) add(c.llama_sampler_init_top_p(settings.topP, 1))
      if (settings.minP > 0) add(c.llama_sampler_init_min_p(settings.minP, 1))
      add(c.llama_sampler_init_dist(seed))
    }
    return new Sampler(model, chain)
  }

  private constructor(model: LlamaModel, pointer: Pointer) {
    super(pointer, model)
    this.#c = model.library.c
  }

  /** Draws a token from output row `row` of the last decode, and takes it into account for the penalties. */
  sample(context: LlamaContext, row: number): number {
    return this.#c.llama_sampler_sample(this.pointer, context.pointer, context.outputIndex(row))
  }

  /** Draws a token from candidates, which are narrowed down; it is not taken into account for the penalties. */
  choose(candidates: Candidates): number {
    this.#c.llama_sampler_apply(this.pointer, candidates.memory)
    return candidates.selected
  }

  /** Takes a token that was not drawn here (a forced one) into account for the penalties. */
  accept(token: number): void {
    this.#c.llama_sampler_accept(this.pointer, token)
  }

  protected override free(pointer: Pointer): void {
    this.#c.llama_sampler_free(pointer)
  }
}
