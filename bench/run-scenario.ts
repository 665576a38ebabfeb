/**
 * One scenario in a process of its own, so that no scenario inherits another's memory. Started by main.ts.
 */
import { InputError } from '../src/errors.ts'
import { Bench } from './bench.ts'
import { modelsFolder, tinyModel } from './paths.ts'
import { Progress } from './progress.ts'
import { randomModel, type ModelFiles } from './random-model.ts'
import { appendRecord, makeRecord } from './record.ts'
import { partName, Stopped, type BenchOptions, type ModelChoice, type Part } from './scenario.ts'
import { sizesFor } from './sizes.ts'
import { shapeNamed } from './shapes.ts'
import { scenarios } from './scenarios/index.ts'
import { renderRecord } from './table.ts'

const exitStopped = 130

export interface Job {
  readonly scenario: string
  readonly models: readonly ModelChoice[]
  readonly options: BenchOptions
}

const job = JSON.parse(process.argv[2] ?? '') as Job
const scenario = scenarios.find(({ name }) => name === job.scenario)
if (!scenario) throw new Error(`there is no scenario ${job.scenario}`)

const { options } = job
const shape = shapeNamed(options.shape)
const sizes = sizesFor(shape)
const repetitions = options.repetitions ?? shape.repetitions ?? scenario.repetitions ?? 5

const progress = new Progress()
const stop = new AbortController()
process.on('SIGINT', () => stop.abort())
// When main.ts ends, however that may be.
process.on('disconnect', () => process.exit(exitStopped))
process.channel?.unref()

async function filesOf(choice: ModelChoice): Promise<ModelFiles> {
  if (choice === 'tiny') return tinyModel
  return await randomModel(shape, modelsFolder, options, progress)
}

/** Measures, records and prints one part; true if it was stopped. */
async function runPart(name: string, part: Part): Promise<boolean> {
  const title = partName(part, options, sizes)
  const bench = new Bench(
    `${name}, ${title}`,
    { options, files: await filesOf(part.model), sizes, repetitions },
    progress,
    stop.signal,
  )
  let stopped = false
  try {
    await part.run(bench)
  } catch (error) {
    if (!(error instanceof Stopped)) throw error
    stopped = true
  }
  progress.end()
  const record = await makeRecord(name, title, bench, stopped)
  if (record.rounds.length > 0) appendRecord(record)
  process.stdout.write(options.json ? `${JSON.stringify(record)}\n` : `${renderRecord(record)}\n`)
  return stopped
}

try {
  const parts = typeof scenario.parts === 'function' ? scenario.parts(options) : scenario.parts
  for (const part of parts) {
    if (!job.models.includes(part.model)) continue
    if (await runPart(scenario.name, part)) {
      process.exitCode = exitStopped
      break
    }
  }
} catch (error) {
  if (!(error instanceof InputError)) throw error
  progress.end()
  process.stderr.write(`${scenario.name}: ${error.message}\n`)
  process.exitCode = 1
}
