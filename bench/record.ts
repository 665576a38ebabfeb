/**
 * The record of one part of a scenario: one line of JSON in bench/results/speed.jsonl, self-contained.
 */
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { fingerprint } from '../src/engine/locate-model.ts'
import { loadLibrary } from '../src/llama/index.ts'
import { inspectGguf } from '../src/models/gguf-file.ts'
import type { Fingerprint } from '../src/predictor/index.ts'
import type { Bench } from './bench.ts'
import type { Round, Spread, Target } from './measurements.ts'
import { resultsFile, root } from './paths.ts'
import type { BenchOptions } from './scenario.ts'

export interface RatioRecord extends Spread {
  readonly name: string
  readonly target?: Target
}

export interface BenchRecord {
  readonly schema: 'dynts-bench/1'
  readonly scenario: string
  readonly part: string
  readonly date: string
  /** Ctrl-C came before all repetitions were done. */
  readonly stopped: boolean
  readonly versions: {
    readonly dynts: string
    readonly commit: string
    readonly node: string
    readonly llamaCpp: string
  }
  readonly machine: {
    /** Where the layers ran. */
    readonly backend: string
    readonly gpus: readonly string[]
    readonly cpu: string
    readonly cores: number
    readonly memoryBytes: number
    readonly platform: string
  }
  readonly model: Fingerprint & { readonly quantization: string; readonly fileBytes: number }
  readonly options: BenchOptions
  readonly settings: Readonly<Record<string, unknown>>
  readonly units: Readonly<Record<string, string>>
  readonly targets: Readonly<Record<string, Target>>
  readonly rounds: readonly Round[]
  readonly ratios: readonly RatioRecord[]
  readonly notes: readonly string[]
}

export async function makeRecord(scenario: string, part: string, bench: Bench, stopped: boolean): Promise<BenchRecord> {
  const { measurements } = bench
  const info = await inspectGguf(bench.files.model)
  const [cpu] = cpus()
  const library = loadLibrary(bench.options.gpu)
  return {
    schema: 'dynts-bench/1',
    scenario,
    part,
    date: new Date().toISOString(),
    stopped,
    versions: {
      dynts: packageVersion(),
      commit: commit(),
      node: process.version,
      llamaCpp: library.release,
    },
    machine: {
      backend: library.backend,
      gpus: library.devices.filter(({ kind }) => kind === 'gpu').map(({ description }) => description),
      cpu: cpu?.model ?? 'unknown',
      cores: cpus().length,
      memoryBytes: totalmem(),
      platform: `${process.platform}-${process.arch}`,
    },
    model: { ...fingerprint(info), quantization: info.quantization, fileBytes: info.fileBytes },
    options: { ...bench.options, repetitions: bench.repetitions },
    settings: measurements.settings,
    units: measurements.units,
    targets: measurements.targets,
    rounds: measurements.rounds,
    ratios: measurements.ratios.flatMap((ratio) => {
      const spread = measurements.spreadOfRatio(ratio)
      return spread ? [{ name: ratio.name, ...spread, ...(ratio.target ? { target: ratio.target } : {}) }] : []
    }),
    notes: measurements.notes,
  }
}

export function appendRecord(record: BenchRecord): void {
  mkdirSync(dirname(resultsFile), { recursive: true })
  appendFileSync(resultsFile, `${JSON.stringify(record)}\n`)
}

function packageVersion(): string {
  const content = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string }
  return content.version
}

/** With `+` where the working tree differs from it. */
function commit(): string {
  const git = (...command: string[]) =>
    execFileSync('git', command, { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim()
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--', 'src', 'bench') === '' ? '' : '+')
  } catch {
    return 'unknown'
  }
}
