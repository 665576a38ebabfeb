/** Decides whether an answer is right: by its text where that is enough, else in a thread with a time limit. */
import { Worker } from 'node:worker_threads'
import { EngineError } from '../../errors.ts'
import { ProgramRunner } from '../code/program-runner.ts'
import type { SandboxJob, SandboxResult } from '../code/sandbox.ts'
import type { FromWorker, Pair } from './equivalence-worker.ts'
import { readings } from './normalize-answer.ts'
import { parseRational, sameRational } from './rational.ts'

export interface Verdict {
  readonly right: boolean
  /** What decided: `timed out` is a comparison that took too long or too much memory, which counts as not right. */
  readonly how: 'same text' | 'normalised' | 'symbolic' | 'different' | 'timed out'
}

export interface GraderOptions {
  /** The longest that one comparison may take, the thread's start not counted. */
  readonly timeoutMs?: number
}

const defaultTimeoutMs = 2000
/** Longer answers are compared as text only. */
const longestAnswer = 2000
/** What the thread may use of memory: whole numbers can grow without bound. */
const heapMb = 256

interface Job {
  readonly pair: Pair
  readonly resolve: (verdict: Verdict) => void
  readonly reject: (error: Error) => void
}

/**
 * Grades answers, one after another; calls may overlap. Its thread starts when first needed, and keeps the process alive
 * only while a verdict is under way.
 */
export class Grader implements AsyncDisposable {
  readonly #timeoutMs: number
  readonly #waiting: Job[] = []
  #worker: Worker | undefined
  #ready = false
  #current: Job | undefined
  #timer: NodeJS.Timeout | undefined
  #programs: ProgramRunner | undefined
  #closed = false

  constructor({ timeoutMs = defaultTimeoutMs }: GraderOptions = {}) {
    this.#timeoutMs = timeoutMs
  }

  /**
   * Whether an answer agrees with the expected one (docs/grading.md says when). Nothing in an answer makes this fail; an
   * empty answer agrees only with an empty one.
   * @throws EngineError `grader_failed` if the thread cannot start, `grader_closed` after `close`
   */
  async grade(given: string, expected: string): Promise<Verdict> {
    if (this.#closed) throw closedError()
    const decided = byText(given, expected)
    if (decided) return decided
    const pair = { given: readings(given), expected: readings(expected) }
    return byNumber(pair) ?? (await this.#ask(pair))
  }

  /**
   * Runs a program and its tests in a sandbox. Its process starts when first needed.
   * @throws EngineError `no_sandbox`, `grader_closed` after `close`
   */
  async run(job: Omit<SandboxJob, 'limits'>): Promise<SandboxResult> {
    if (this.#closed) throw closedError()
    return await (this.#programs ??= new ProgramRunner()).run(job)
  }

  /** Ends the thread; verdicts under way are refused. */
  async close(): Promise<void> {
    this.#closed = true
    const jobs = this.#current ? [this.#current, ...this.#waiting] : [...this.#waiting]
    this.#waiting.length = 0
    this.#current = undefined
    clearTimeout(this.#timer)
    for (const job of jobs) job.reject(closedError())
    const worker = this.#dropWorker()
    await Promise.all([worker?.terminate(), this.#programs?.close()])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #ask(pair: Pair): Promise<Verdict> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ pair, resolve, reject })
      this.#next()
    })
  }

  /** Gives the thread its next pair, if it is free. */
  #next(): void {
    if (this.#current) return
    const [job] = this.#waiting
    if (!job) {
      this.#worker?.unref()
      return
    }
    const worker = (this.#worker ??= this.#start())
    worker.ref()
    if (!this.#ready) return
    this.#waiting.shift()
    this.#current = job
    // A verdict that came while this thread was busy is heard before the comparison is given up.
    const giveUp = () => setImmediate(() => this.#current === job && this.#giveUp())
    this.#timer = setTimeout(giveUp, this.#timeoutMs)
    worker.postMessage(job.pair)
  }

  #start(): Worker {
    this.#ready = false
    // Options of the program's own start (`--input-type`, loaders, an inspector) are not for the thread.
    const worker = new Worker(new URL('./equivalence-worker.js', import.meta.url), {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
    })
    worker.on('message', (message: FromWorker) => {
      if (worker === this.#worker) this.#receive(message)
    })
    worker.on('error', (error) => {
      if (worker === this.#worker) this.#fail(error)
    })
    worker.on('exit', (code) => {
      if (worker === this.#worker) this.#fail(new Error(`exit code ${code}`))
    })
    return worker
  }

  #receive(message: FromWorker): void {
    if (message === 'ready') this.#ready = true
    else this.#decide(message.same ? { right: true, how: 'symbolic' } : { right: false, how: 'different' })
    this.#next()
  }

  #decide(verdict: Verdict): void {
    clearTimeout(this.#timer)
    const job = this.#current
    this.#current = undefined
    job?.resolve(verdict)
  }

  #giveUp(): void {
    // Nothing waits for its end: a thread in a loop of the engine is stopped by the runtime.
    void this.#dropWorker()?.terminate()
    this.#decide({ right: false, how: 'timed out' })
    this.#next()
  }

  /** The thread has ended by itself: while it compared, because of what it compared; before, because it cannot start. */
  #fail(cause: Error): void {
    this.#dropWorker()
    if (this.#current) {
      this.#decide({ right: false, how: 'timed out' })
      this.#next()
      return
    }
    const error = new EngineError('grader_failed', `the thread that grades answers ended: ${cause.message}`, { cause })
    for (const job of this.#waiting.splice(0)) job.reject(error)
  }

  #dropWorker(): Worker | undefined {
    const worker = this.#worker
    this.#worker = undefined
    this.#ready = false
    return worker
  }
}

function byText(given: string, expected: string): Verdict | undefined {
  const [a, b] = [given.trim(), expected.trim()]
  if (a === b) return { right: true, how: 'same text' }
  const incomparable = a === '' || b === '' || Math.max(a.length, b.length) > longestAnswer
  return incomparable ? { right: false, how: 'different' } : undefined
}

/** Decides where both are written the same once normalised, or both are plain numbers. */
function byNumber({ given, expected }: Pair): Verdict | undefined {
  const [a = '', b = ''] = [given[0], expected[0]]
  if (a === b) return { right: true, how: 'normalised' }
  if (given.length > 1 || expected.length > 1) return undefined
  const [left, right] = [parseRational(a), parseRational(b)]
  if (!left || !right) return undefined
  return sameRational(left, right) ? { right: true, how: 'normalised' } : { right: false, how: 'different' }
}

function closedError(): EngineError {
  return new EngineError('grader_closed', 'the grader is closed')
}
