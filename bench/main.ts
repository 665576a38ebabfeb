/**
 * `npm run bench`: speed and memory, side by side in one run. Each scenario runs in a process of its own.
 */
import { fork, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gpuChoices, type GpuChoice } from '../src/llama/index.ts'
import { benchFolder, peerPackage, resultsFile } from './paths.ts'
import { shapes } from './shapes.ts'
import type { Job } from './run-scenario.ts'
import type { BenchOptions, ModelChoice, Scenario } from './scenario.ts'
import { scenarios } from './scenarios/index.ts'

const exitStopped = 130
const shapeNames = shapes.map(({ name }) => name).join(', ')
const help = `npm run bench -- [options]

  --only A,B         scenarios to run (default: all)
  --model NAME       tiny: parts on the embedded model only; shape: parts on the random model only (default: both)
  --shape NAME       shape of the random model: ${shapeNames} (default 1.5b)
  --repetitions N    how often each variant is measured, by turns (default: the scenario's own number)
  --steps N          decode steps of one measurement (default: the scenario's own number)
  --threads N        compute threads (default: the engine's default)
  --seed N           of the random weights (default 1)
  --memory SIZE      equal-memory: bytes of the cache, such as 2G or 512M (default: what 4 full sequences take)
  --sequences A,B    batch: how many sequences share a step (default 1,4,8)
  --gpu BACK-END     where the layers run: ${gpuChoices.join(', ')} (default off)
  --check-by-running batch: run every step of one sequence too, and compare with the integration
  --json             print JSON records, one to a line, instead of tables
  --help

${scenarios.map(({ name, summary }) => `  ${name.padEnd(17)}${summary}`).join('\n')}

Records are appended to bench/results/speed.jsonl. Ctrl-C stops and keeps what was measured.
`

interface Command {
  readonly chosen: readonly Scenario[]
  readonly models: readonly ModelChoice[]
  readonly options: BenchOptions
}

class UsageError extends Error {}

/** @throws UsageError; undefined: help was asked for */
function readCommand(): Command | undefined {
  const text = { type: 'string' } as const
  const values = parse({
    only: text,
    model: text,
    shape: { ...text, default: '1.5b' },
    repetitions: text,
    steps: text,
    threads: text,
    seed: { ...text, default: '1' },
    memory: text,
    sequences: { ...text, default: '1,4,8' },
    gpu: { ...text, default: 'off' },
    'check-by-running': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  } as const)
  if (values.help) return undefined
  const { only, model, shape } = values
  if (model !== undefined && model !== 'tiny' && model !== 'shape') throw new UsageError('--model is tiny or shape')
  if (!shapes.some(({ name }) => name === shape)) throw new UsageError(`--shape is one of ${shapeNames}`)
  const names = only?.split(',') ?? scenarios.map(({ name }) => name)
  const unknown = names.find((name) => !scenarios.some((scenario) => scenario.name === name))
  if (unknown !== undefined) {
    throw new UsageError(`there is no scenario "${unknown}": ${scenarios.map(({ name }) => name).join(', ')}`)
  }
  return {
    chosen: scenarios.filter(({ name }) => names.includes(name)),
    models: model === undefined ? ['tiny', 'shape'] : [model],
    options: {
      repetitions: count('repetitions', values.repetitions),
      steps: count('steps', values.steps),
      threads: count('threads', values.threads),
      shape,
      seed: count('seed', values.seed) ?? 1,
      memory: bytes(values.memory),
      sequences: values.sequences.split(',').map((one) => count('sequences', one) ?? 1),
      gpu: backend(values.gpu),
      checkByRunning: values['check-by-running'],
      json: values.json,
    },
  }
}

function parse<T extends NonNullable<Parameters<typeof parseArgs>[0]>['options']>(options: T) {
  try {
    return parseArgs({ options, strict: true }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function count(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const number = Number(value)
  if (!Number.isSafeInteger(number) || number < 1)
    throw new UsageError(`--${name} must be a whole number of at least 1`)
  return number
}

function backend(value: string): GpuChoice {
  const found = gpuChoices.find((choice) => choice === value)
  if (found === undefined) throw new UsageError(`--gpu is one of ${gpuChoices.join(', ')}`)
  return found
}

function bytes(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([KMG]?)$/i.exec(value) ?? []
  if (number === undefined) throw new UsageError('--memory is a number of bytes, such as 2G or 512M')
  return Math.floor(Number(number) * 1024 ** ' KMG'.indexOf(unit.toUpperCase() || ' '))
}

/** Installs what only `peer` needs; false if that is impossible. */
function installPeer(): boolean {
  if (existsSync(peerPackage)) return true
  process.stderr.write('installing node-llama-cpp into bench/node_modules (once, about 56 MB) ...\n')
  // Its optional packages are the same libraries that dynts has installed already, and it finds those.
  const command = ['ci', '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund', '--loglevel=error']
  spawnSync('npm', command, { cwd: benchFolder, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
  return existsSync(peerPackage)
}

/** The exit code of a scenario's process. */
function runInProcess(job: Job): Promise<number> {
  const file = fileURLToPath(new URL('run-scenario.js', import.meta.url))
  const child = fork(file, [JSON.stringify(job)], { stdio: 'inherit' })
  let interrupts = 0
  // The first Ctrl-C reaches the child too, which stops by itself; the second ends it.
  const onInterrupt = () => {
    if (++interrupts === 1) process.stderr.write('\nstopping ...\n')
    else child.kill('SIGKILL')
  }
  process.on('SIGINT', onInterrupt)
  return new Promise((resolve) => {
    child.on('exit', (code, signal) => {
      process.off('SIGINT', onInterrupt)
      // Such as an assertion of llama.cpp that failed.
      const died = signal !== null && interrupts === 0
      if (died) process.stderr.write(`the process of scenario ${job.scenario} was ended by ${signal}\n`)
      resolve(code ?? (died ? 1 : exitStopped))
    })
  })
}

async function main(): Promise<number> {
  const command = readCommand()
  if (!command) {
    process.stdout.write(help)
    return 0
  }
  const { chosen, models, options } = command
  const [load = 0] = loadavg()
  if (load > 0.5)
    process.stderr.write(`This machine is busy (load ${load.toFixed(1)}): expect noise. Ratios suffer least.\n`)
  let failed = 0
  for (const { name } of chosen) {
    if (name === 'peer' && !installPeer()) {
      process.stderr.write('node-llama-cpp could not be installed: the scenario peer is left out\n')
      failed = 1
      continue
    }
    const code = await runInProcess({ scenario: name, models, options })
    if (code === exitStopped) return exitStopped
    if (code !== 0) failed = 1
  }
  process.stderr.write(`records: ${resultsFile}\n`)
  return failed
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 2
}
