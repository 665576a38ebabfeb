/**
 * A model is first tried in a process of its own where it may end the process: llama.cpp aborts on files of some architectures that are
 * incomplete or contradict themselves, and on a GPU whose driver does not take the code that is installed. Loaded, with a context
 * and one token computed, once; what was found is remembered.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { EngineError, InputError } from '../errors.ts'
import { installedBackends, type GpuChoice } from '../llama/index.ts'
import type { GgufInfo } from '../models/gguf-file.ts'
import { noteVerdict, verdictOn, verdictsFile } from './trial-verdicts.ts'

export interface TrialJob {
  readonly path: string
  readonly gpu: GpuChoice
  readonly gpuLayers?: number | undefined
  /** The process that waits for it. */
  readonly parent: number
}

export interface TrialOptions extends Omit<TrialJob, 'path' | 'parent'> {
  /** Kills the process. */
  readonly signal?: AbortSignal | undefined
  /** Called when a trial begins. */
  readonly onStart?: (() => void) | undefined
  /** For tests: what runs in place of the trial. */
  readonly program?: URL | undefined
  /** For tests: what it may take at most. */
  readonly limits?: TrialLimits | undefined
}

export interface TrialLimits {
  readonly seconds: number
  /** Of memory that is not the file's. */
  readonly memoryBytes: number
}

/** What a trial prints when it has come to its end. */
export const trialDone = 'done\n'

/** Their tests run them, and fuzzed files of them have been refused by their headers. */
const provenArchitectures: ReadonlySet<string> = new Set(['llama', 'qwen2', 'qwen3'])
const provenTokenizers: ReadonlySet<string> = new Set(['gpt2', 'llama'])

/** A slow disk reads so much in a second. */
const slowBytesPerSecond = 20e6
/** Besides what the file's size takes; for files that make llama.cpp compute, or allocate, without end. */
const usualLimits: TrialLimits = { seconds: 120, memoryBytes: 8 * 2 ** 30 }
/** Of which there may be more the next time. */
const lackOfMemory = /alloc|out of memory/i
/** By which a process ends itself. Any other was sent by somebody, and says nothing of the file. */
const ownSignals: ReadonlySet<string> = new Set([
  'SIGABRT',
  'SIGSEGV',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGTRAP',
  'SIGSYS',
])

/** Where the model can be run. */
export interface TrialResult {
  readonly gpu: GpuChoice
  /** Why the GPU is not used, although it was left to us. */
  readonly gpuProblem?: string | undefined
}

/**
 * Tries a model where it is not known to be safe. Where `auto` finds a GPU that does not survive it, it is tried without.
 * @throws InputError `model_crashes` for a file, `gpu_not_usable` for a GPU, that would have ended this process; EngineError
 * `load_cancelled`
 */
export async function tryModel(info: GgufInfo, options: TrialOptions): Promise<TrialResult> {
  const { gpu } = options
  const isProven = provenArchitectures.has(info.architecture) && provenTokenizers.has(info.tokenizer.model ?? 'none')
  const onGpu = gpu !== 'off' && installedBackends(gpu).some(({ backend }) => backend !== 'cpu')
  if (isProven && !onGpu) return { gpu }
  const reason = await reasonAgainst(info, options)
  if (reason === undefined) return { gpu }
  if (!onGpu) {
    throw new InputError(
      'model_crashes',
      `${info.path} cannot be used: llama.cpp does not survive it (${reason}). Download it again, or convert it anew.`,
    )
  }
  // With an architecture that is not proven either may be to blame.
  if (!isProven) await tryModel(info, { ...options, gpu: 'off', gpuLayers: undefined })
  if (gpu === 'auto') return { gpu: 'off', gpuProblem: reason }
  throw new InputError(
    'gpu_not_usable',
    `the GPU cannot be used: ${reason}. Install a newer driver, or use \`gpu: off\``,
  )
}

/** Why the process was ended, now or in an earlier trial; undefined: it was not. */
async function reasonAgainst(info: GgufInfo, options: TrialOptions): Promise<string | undefined> {
  const key = verdictKey(info, options)
  const known = verdictOn(key)
  if (known === null) return undefined
  if (known !== undefined) return `${known}; found in an earlier trial, which ${verdictsFile()} remembers`
  options.onStart?.()
  const { reason, isLasting } = await trialOf(info, options)
  // A GPU may have another driver the next time.
  if (reason === undefined || (isLasting && options.gpu === 'off')) noteVerdict(key, reason ?? null)
  return reason
}

/** A file that is replaced, or other libraries, are tried again. */
function verdictKey(info: GgufInfo, { gpu, gpuLayers }: TrialOptions): string {
  const files = info.paths.map((path) => {
    const { size, mtimeMs } = statSync(path)
    return [path, size, mtimeMs]
  })
  return JSON.stringify([files, gpu, gpuLayers ?? null, installedBackends(gpu)])
}

interface TrialEnd {
  /** Why the process ended before its time; undefined: it did not. */
  readonly reason?: string | undefined
  /** Whether the next trial would end so, too. */
  readonly isLasting: boolean
}

/** Runs the process. */
function trialOf(info: GgufInfo, options: TrialOptions): Promise<TrialEnd> {
  const { gpu, gpuLayers, signal, program, limits = usualLimits } = options
  const url = program ?? new URL('./trial-program.js', import.meta.url)
  const job: TrialJob = { path: info.path, gpu, gpuLayers, parent: process.pid }
  const child = spawn(process.execPath, [fileURLToPath(url), JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Where there is a debugger, ggml would start it to tell where it aborts, which takes seconds.
    env: { ...process.env, GGML_NO_BACKTRACE: '1' },
  })
  let output = ''
  let said = ''
  let killedFor: TrialEnd | undefined
  const kill = (reason: string, isLasting: boolean) => {
    killedFor ??= { reason, isLasting }
    child.kill('SIGKILL')
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-100_000)))
  const seconds = limits.seconds + info.fileBytes / slowBytesPerSecond
  const late = setTimeout(
    () => kill(`it does not come to an end within ${Math.round(seconds)} seconds`, false),
    seconds * 1000,
  )
  const memory = setInterval(() => {
    if (ownMemory(child) > limits.memoryBytes + 2 * info.fileBytes) kill('it takes memory without end', true)
  }, 500)
  const onAbort = () => kill('cancelled', false)
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted) onAbort()
  return new Promise<TrialEnd>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, ended) => {
      const reason = reasonIn(said)
      if (signal?.aborted) reject(new EngineError('load_cancelled', 'loading the model was cancelled'))
      else if (output === trialDone) resolve({ isLasting: true })
      else if (killedFor) resolve(killedFor)
      else if (reason !== undefined) resolve({ reason, isLasting: !lackOfMemory.test(reason) })
      else {
        const isLasting = ended !== null && ownSignals.has(ended)
        resolve({ reason: `the process was ended by ${ended ?? `exit code ${code}`}`, isLasting })
      }
    })
  }).finally(() => {
    clearTimeout(late)
    clearInterval(memory)
    signal?.removeEventListener('abort', onAbort)
  })
}

/** Of all that llama.cpp said, what it failed for. */
function reasonIn(said: string): string | undefined {
  const lines = said.split('\n').map((line) => line.trim())
  const reason = lines.find((line) => /GGML_ASSERT|: fatal error|CUDA error: |terminate called|what\(\):/.test(line))
  return reason?.replace(/^\S+\/(\S+\.(?:cu|cuh|cpp|c|h):\d+: )/, '$1')
}

/** Bytes that are neither a file's nor shared; 0 where the system does not tell. */
function ownMemory({ pid }: ChildProcess): number {
  try {
    const [, kilobytes = '0'] = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Number(kilobytes) * 1024
  } catch {
    return 0
  }
}
