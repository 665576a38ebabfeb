/**
 * Runs a JavaScript program and its tests in QuickJS, compiled to WebAssembly: an engine of its own with its own memory, to which
 * nothing of the machine is given: no files, no network, no modules, no timers. It gets text and gives text.
 */
import variant from '@jitl/quickjs-singlefile-mjs-release-sync'
import {
  newQuickJSWASMModuleFromVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSRuntime,
} from 'quickjs-emscripten-core'
import { prelude } from './prelude.ts'

/** What a program is held to. */
export interface SandboxLimits {
  readonly timeMs: number
  readonly memoryBytes: number
  /** Of what it prints. */
  readonly outputCharacters: number
}

export interface SandboxJob {
  readonly program: string
  /** Run after the program, in the same world; null: what it prints is all that counts. */
  readonly test: string | null
  readonly limits: SandboxLimits
}

export type SandboxResult =
  | { readonly how: 'ended'; readonly output: string }
  /** It, or its test, threw `message`. */
  | { readonly how: 'threw'; readonly message: string }
  | { readonly how: 'timed out' | 'out of memory' | 'too much output' }

type VmCallResult = ReturnType<QuickJSContext['evalCode']>

const stackBytes = 256 * 1024
/** Of an error, and what of it is kept. */
const longestMessage = 300

/**
 * Nothing in a program makes this fail; a loop that the engine cannot interrupt may hold it up.
 * @throws what WebAssembly throws where it cannot be had
 */
export async function prepareSandbox(): Promise<(job: SandboxJob) => SandboxResult> {
  const module = await newQuickJSWASMModuleFromVariant(variant)
  return ({ program, test, limits }) => {
    const runtime = module.newRuntime()
    runtime.setMemoryLimit(limits.memoryBytes)
    runtime.setMaxStackSize(stackBytes)
    const run = new Run(runtime, limits)
    return run.all(program, test)
  }
}

class Run {
  readonly #runtime: QuickJSRuntime
  readonly #context: QuickJSContext
  readonly #limits: SandboxLimits
  readonly #output: string[] = []
  #characters = 0
  #isLate = false

  constructor(runtime: QuickJSRuntime, limits: SandboxLimits) {
    this.#runtime = runtime
    this.#context = runtime.newContext()
    this.#limits = limits
    const end = Date.now() + limits.timeMs
    runtime.setInterruptHandler(() => {
      this.#isLate ||= Date.now() > end
      return this.#isLate || this.#hasPrintedTooMuch
    })
  }

  /** The test only if the program has ended. The memory is the process's to free. */
  all(program: string, test: string | null): SandboxResult {
    const context = this.#context
    const print = context.newFunction('print', (text) => this.#print(context.getString(text)))
    const installed = context.evalCode(prelude, 'prelude.js')
    const judge = installed.error ? installed : context.callFunction(installed.value, context.undefined, print)
    if (judge.error) return { how: 'threw', message: this.#messageOf(judge.error) }
    let failure = this.#outcome(() => context.evalCode(program, 'program.js'))
    if (test !== null) {
      failure ??= this.#outcome(() => context.callFunction(judge.value, context.undefined, context.newString(test)))
    }
    if (this.#hasPrintedTooMuch) return { how: 'too much output' }
    if (this.#isLate) return { how: 'timed out' }
    if (failure === undefined) return { how: 'ended', output: this.#output.join('') }
    return /out of memory/.test(failure) ? { how: 'out of memory' } : { how: 'threw', message: failure }
  }

  #print(line: string): void {
    this.#characters += line.length
    if (!this.#hasPrintedTooMuch) this.#output.push(line)
  }

  get #hasPrintedTooMuch(): boolean {
    return this.#characters > this.#limits.outputCharacters
  }

  /** What went wrong, if something did; of a promise when it is settled. */
  #outcome(evaluate: () => VmCallResult): string | undefined {
    const evaluated = evaluate()
    if (evaluated.error) return this.#messageOf(evaluated.error)
    const jobs = this.#runtime.executePendingJobs()
    if (jobs.error) return this.#messageOf(jobs.error)
    const state = this.#context.getPromiseState(evaluated.value)
    if (state.type === 'rejected') return this.#messageOf(state.error)
    return state.type === 'pending' ? 'it waits for what never comes' : undefined
  }

  /** Reading an error may itself need memory, or run what the program put there. */
  #messageOf(error: QuickJSHandle): string {
    try {
      const dumped: unknown = this.#context.dump(error)
      const { name, message } = Object(dumped) as { readonly name?: unknown; readonly message?: unknown }
      const text = typeof message === 'string' ? `${String(name)}: ${message}` : JSON.stringify(dumped)
      return text.slice(0, longestMessage)
    } catch {
      return 'an error that cannot be read'
    }
  }
}
