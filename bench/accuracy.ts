/**
 * `npm run accuracy`: how often the embedded model answers rightly under each policy, with intervals. One sample for each
 * of the shipped test problems. What was measured before is not measured again: `--fresh` begins anew.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { defaultSampling, Engine, InputError, loadModel, policyNames, type Model } from '../src/index.ts'
import { measure, type Job, type Problem } from './accuracy/measure.ts'
import { RecordFile, type Conditions } from './accuracy/records.ts'
import { summarise, table } from './accuracy/summary.ts'
import { Progress } from './progress.ts'

// Compiled to bench/dist/bench/.
const root = new URL('../../../', import.meta.url)
const modelFile = fileURLToPath(new URL('models/tiny/tiny-f16.gguf', root))
const problemFile = new URL('models/tiny/problems/test.jsonl', root)
const recordFile = fileURLToPath(new URL('bench/results/accuracy-tiny-f16.jsonl', root))
const comparedWith = 'dynts'
const kvType = 'f16'

type Options = ReturnType<typeof readOptions>

const help = `npm run accuracy -- [options]

  --limit N           problems, of 500 (default 200)
  --policies A,B,...  default: all
  --budget N          B, in cells (default 320)
  --local-window N    W_l, in cells (default 32)
  --ratio X           share of the selection window that is kept (default 0.5)
  --max-tokens N      the most tokens of an answer, thinking included (default 900)
  --parallel N        problems at the same time (default 8)
  --seed N            of the sampling (default 1)
  --threads N         compute threads (default: chosen for the machine)
  --fresh             do not use what was measured before
  --json              print JSON instead of a table
`

/** @throws InputError for an option that is unknown or has a wrong value; the policy's own settings are the engine's to check */
function readOptions() {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  try {
    const { values } = parseArgs({
      options: {
        limit: { ...text, default: '200' },
        policies: { ...text, default: policyNames().join(',') },
        budget: { ...text, default: '320' },
        'local-window': { ...text, default: '32' },
        ratio: { ...text, default: '0.5' },
        'max-tokens': { ...text, default: '900' },
        parallel: { ...text, default: '8' },
        seed: { ...text, default: '1' },
        threads: text,
        fresh: flag,
        json: flag,
        help: flag,
      },
    })
    return {
      limit: count('--limit', values.limit, 1, 500),
      policies: names(values.policies),
      budget: count('--budget', values.budget, 1),
      localWindow: count('--local-window', values['local-window'], 1),
      ratio: Number(values.ratio),
      maxTokens: count('--max-tokens', values['max-tokens'], 1),
      parallel: count('--parallel', values.parallel, 1, 64),
      seed: count('--seed', values.seed, 0, 40_000),
      threads: values.threads === undefined ? undefined : count('--threads', values.threads, 1),
      fresh: values.fresh,
      json: values.json,
      help: values.help,
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new InputError('invalid_option', error.message, { cause: error })
  }
}

const stop = new AbortController()
process.on('SIGINT', () => {
  if (stop.signal.aborted) process.exit(130)
  process.stderr.write('\nStopping. The same command goes on from here.\n')
  stop.abort()
})
try {
  const options = readOptions()
  if (options.help) process.stdout.write(help)
  else await run(options)
} catch (error) {
  if (!(error instanceof InputError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 2
}

async function run(options: Options): Promise<void> {
  const problems = readProblems(options.limit)
  const records = new RecordFile(recordFile, options.fresh)
  if (records.unreadable > 0) process.stderr.write(`${records.unreadable} unreadable lines in ${records.path}\n`)
  const model = await loadModel(modelFile, { threads: options.threads, gpu: 'off' })
  try {
    const files = { model: sha256(modelFile), predictor: model.predictor ? sha256(model.predictor.path) : null }
    const jobs = options.policies.flatMap((policy) =>
      problems.map((problem) => ({ problem, conditions: conditionsOf(options, policy, problem, files) })),
    )
    await measureMissing(options, model, jobs, records)
    print(options, model, jobs, records)
  } finally {
    await model.close()
  }
  if (stop.signal.aborted) process.exitCode = 130
}

/** Measures what the file does not hold yet, the policies one after another. */
async function measureMissing(
  options: Options,
  model: Model,
  jobs: readonly Job[],
  records: RecordFile,
): Promise<void> {
  const missing = jobs.filter(({ conditions }) => !records.find(conditions))
  if (missing.length < jobs.length) {
    process.stderr.write(`${jobs.length - missing.length} of ${jobs.length} answers are in ${records.path} already\n`)
  }
  const progress = new Progress()
  let done = 0
  for (const policy of options.policies) {
    const ofPolicy = missing.filter(({ conditions }) => conditions.policy === policy)
    if (ofPolicy.length === 0 || stop.signal.aborted) continue
    const cells = policy === 'full' ? await cellsWithoutBound(options, model, ofPolicy) : options.budget
    const engine = await Engine.create(model, { cells, sequences: options.parallel, kvType })
    try {
      await measure(engine, ofPolicy, {
        signal: stop.signal,
        onRecord: (record) => {
          records.add(record)
          progress.show('accuracy', ++done / missing.length, policy)
        },
      })
    } finally {
      await engine.close()
    }
  }
  progress.end()
}

/** Cells for the longest question and its answer; 16 for the template. */
async function cellsWithoutBound({ maxTokens }: Options, model: Model, jobs: readonly Job[]): Promise<number> {
  const lengths = await Promise.all(jobs.map(async ({ problem }) => (await model.tokenize(problem.question)).length))
  return Math.max(...lengths) + 16 + maxTokens
}

function print(options: Options, model: Model, jobs: readonly Job[], records: RecordFile): void {
  const found = jobs.flatMap(({ conditions }) => records.find(conditions) ?? [])
  const of = (policy: string) => found.filter((record) => record.policy === policy)
  const { seed, budget, localWindow, ratio, maxTokens, limit } = options
  const summaries = options.policies.map((policy) => summarise(policy, of(policy), of(comparedWith), seed))
  if (options.json) {
    const settings = { budget, localWindow, ratio, maxTokens, limit, seed, sampling: defaultSampling, kvType }
    const versions = { node: process.versions.node, 'llama.cpp': model.release }
    const { name, architecture } = model.info
    const output = { schema: 'dynts-accuracy-summary/1', versions, model: { name, architecture }, settings, summaries }
    process.stdout.write(`${JSON.stringify(output, null, 2)}\n`)
    return
  }
  if (found.length === 0) return
  const least = Math.min(...summaries.map(({ items }) => items))
  const items = least === limit ? `${limit}` : `${least} to ${limit}`
  const { temperature, topP, topK } = defaultSampling
  process.stdout.write(
    `Embedded model, ${items} problems, B ${budget}, W_l ${localWindow}, ratio ${ratio}, temperature ${temperature}, ` +
      `top-p ${topP}, top-k ${topK}, one sample each, seed ${seed}, at most ${maxTokens} tokens\n\n${table(summaries)}\n`,
  )
}

function conditionsOf(
  options: Options,
  policy: string,
  problem: Problem,
  files: Pick<Conditions, 'model' | 'predictor'>,
): Conditions {
  const { seed, budget, localWindow, ratio, maxTokens } = options
  const bound = policy === 'full' ? { budget: null, localWindow: null, ratio: null } : { budget, localWindow, ratio }
  return { policy, item: problem.id, seed, ...bound, maxTokens, sampling: { ...defaultSampling }, kvType, ...files }
}

function readProblems(limit: number): Problem[] {
  const lines = readFileSync(problemFile, 'utf8').trimEnd().split('\n').slice(0, limit)
  return lines.map((line, index) => ({ ...(JSON.parse(line) as Omit<Problem, 'index'>), index }))
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}

function count(name: string, text: string, least: number, most = Infinity): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`
  throw new InputError('invalid_option', `${name} must be a whole number ${range}, not ${text}`)
}

function names(text: string): string[] {
  const given = text.split(',').map((name) => name.trim())
  const unknown = given.find((name) => !policyNames().includes(name))
  if (unknown === undefined) return [...new Set(given)]
  throw new InputError('unknown_policy', `There is no policy "${unknown}". Policies: ${policyNames().join(', ')}.`)
}
