/**
 * Tokens that a grammar allows, and no others. llama.cpp ends the process when a grammar is given a token that it does not allow: a
 * token is accepted only if the grammar has just allowed it.
 */
import { EngineError, InputError } from '../errors.ts'
import type { Bindings } from './bindings.ts'
import { Candidates } from './candidates.ts'
import { NativeHandle } from './handle.ts'
import type { LlamaModel } from './model.ts'
import type { Sampler } from './sampler.ts'
import type { Pointer } from './structs.ts'

export class Constraint extends NativeHandle {
  readonly #c: Bindings
  readonly #model: LlamaModel
  readonly #all: Candidates
  readonly #one = new Candidates(1)

  /**
   * @param gbnf of `schemaGrammar`: others may nest deeper than llama.cpp's stack is
   * @throws InputError `unsupported_schema`
   */
  static create(model: LlamaModel, gbnf: string): Constraint {
    const pointer = model.library.c.llama_sampler_init_grammar(model.vocab.pointer, gbnf, 'root')
    if (pointer === null)
      throw new InputError('unsupported_schema', 'llama.cpp does not take the grammar of the schema')
    return new Constraint(model, pointer)
  }

  private constructor(model: LlamaModel, pointer: Pointer) {
    super(pointer, model)
    this.#c = model.library.c
    this.#model = model
    this.#all = new Candidates(model.vocab.size)
  }

  /**
   * Draws a token, and takes it into account.
   * @param logits shape [vocabulary size]
   * @throws EngineError `constraint_stuck` if no token is allowed
   */
  sample(logits: Float32Array, sampler: Sampler): number {
    let token = sampler.choose(this.#all.fill(logits))
    // To ask for one token costs microseconds, for all of a large vocabulary a tenth of a second.
    if (!this.#allows(token)) {
      this.#c.llama_sampler_apply(this.pointer, this.#all.fill(logits).memory)
      if (!this.#all.hasAny) throw stuck()
      token = sampler.choose(this.#all)
    }
    sampler.accept(token)
    this.#accept(token)
    return token
  }

  /**
   * Takes text into account that is there already.
   * @throws EngineError `constraint_stuck` if it does not fit
   */
  begin(text: string): void {
    if (text === '') return
    for (const token of this.#model.vocab.tokenizeContinuation(text, { special: false })) this.#accept(token)
  }

  #allows(token: number): boolean {
    this.#c.llama_sampler_apply(this.pointer, this.#one.only(token).memory)
    return this.#one.hasAny
  }

  #accept(token: number): void {
    if (!this.#allows(token)) throw stuck()
    this.#c.llama_sampler_accept(this.pointer, token)
  }

  protected override free(pointer: Pointer): void {
    this.#c.llama_sampler_free(pointer)
  }
}

function stuck(): EngineError {
  return new EngineError('constraint_stuck', 'no token of the model goes on with an answer that fits the schema')
}
