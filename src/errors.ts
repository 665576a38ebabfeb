/**
 * The two kinds of failure that this package reports on purpose. Everything else that is thrown is a bug.
 */

export interface InputErrorOptions extends ErrorOptions {
  readonly details?: Readonly<Record<string, number>>
}

/** What was given cannot be used: a wrong option, a missing or broken file, a prompt that does not fit. */
export class InputError extends Error {
  /** A stable, machine-readable reason, e.g. `prompt_too_long`. The command line exits with 2, a server answers 4xx. */
  readonly code: string
  /**
   * The numbers that the message names, for programs: of `prompt_too_long` `promptTokens` and `mostPromptTokens`, and where the budget is
   * too small `leastBudget`, under which it fits, and `roomyBudget`, under which it fits well.
   */
  readonly details: Readonly<Record<string, number>>

  constructor(code: string, message: string, options: InputErrorOptions = {}) {
    super(message, options)
    this.name = 'InputError'
    this.code = code
    this.details = options.details ?? {}
  }
}

/** The engine or the machine failed although the input was fine: out of memory, a failed decode, no libraries. */
export class EngineError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'EngineError'
    this.code = code
  }
}
