/**
 * What `dynts run` does: locates and loads the model, generates under one policy after another, and tells the results.
 */
import pc from 'picocolors'
import { Engine } from '../engine/engine.ts'
import { loadLocated, locateModel, type LocatedModel, type Model } from '../engine/model.ts'
import type { GenerateRequest, GenerateResult } from '../engine/types.ts'
import { isChainProblem, solveChainProblem } from '../evaluation/chain-problem.ts'
import { findThinkingTags } from '../llama/index.ts'
import { parseReference } from '../models/reference.ts'
import { checkCacheFlags, checkFlags } from './check-flags.ts'
import { checkPrompt } from './check-prompt.ts'
import { findModel } from './find-model.ts'
import { onInterrupt } from './interrupt.ts'
import { LoadProgress } from './load-progress.ts'
import { printable } from './printable.ts'
import { exampleQuestion, readQuestion } from './question.ts'
import { runRecord } from './run-json.ts'
import { policiesOf, requestOf, type RunFlags } from './run-options.ts'
import { PlainView, silentView, type RunView } from './run-view.ts'
import { summaryTable, type PolicyResults } from './summary.ts'
import { TerminalView } from './terminal-view.ts'
import { whatItTakes } from './what-it-takes.ts'

type Say = (text: string) => unknown

/** @param argument the question, as given on the command line */
export async function run(argument: string | undefined, flags: RunFlags): Promise<void> {
  const policies = policiesOf(flags)
  checkFlags(flags, policies)
  const isEmbeddedModel = parseReference(flags.model).kind === 'embedded'
  const { demo = false, seed } = flags
  const question = await readQuestion(argument, { demo, isEmbeddedModel, seed })
  using interrupt = onInterrupt()
  const say: Say = (text) => flags.json !== true && process.stderr.write(`${text}\n`)

  const { signal } = interrupt
  const located = await findModel(signal, (onDownload) => {
    const predictor = flags.predictor === 'none' ? false : flags.predictor
    return locateModel(flags.model, { predictor, offline: flags.offline, signal, onDownload })
  })
  if (!located) return
  checkCacheFlags(flags, policies, located.predictor)
  const model = await load(located, flags, question, policies, signal, say)
  if (!model) return void say('Interrupted.')
  if (model.notEvictable !== undefined && flags.policy === undefined) {
    say(`The cache of this model cannot be bounded: ${model.notEvictable}. It runs under policy full.`)
  }
  try {
    const planned = await Promise.all(policies.map((policy) => planPolicy(model, flags, question, policy)))
    const runs: PolicyResults[] = []
    if (isEmbeddedModel) say(`\n${question}\n`)
    try {
      for (const [i, run] of planned.entries()) {
        if (i > 0 && signal.aborted) break
        runs.push(await runPolicy(model, run, flags, viewFor(flags, located, i === 0), signal, say))
      }
    } finally {
      // What has been generated is not lost if a later policy fails.
      if (runs.length > 0) printResults(runs, model, flags, say)
    }
    if (isChainProblem(question)) say(`\nThe right answer is ${solveChainProblem(question)}.`)
    else if (isEmbeddedModel) say(`\n${whatTheEmbeddedModelKnows}`)
  } finally {
    await model.close()
  }
}

/** Says what the run takes, and loads the model. Undefined: it was interrupted. */
async function load(
  located: LocatedModel,
  flags: RunFlags,
  question: string,
  policies: readonly (string | undefined)[],
  signal: AbortSignal,
  say: Say,
): Promise<Model | undefined> {
  const { gpu, gpuLayers, threads } = flags
  const loading = { gpu, gpuLayers, threads, signal }
  let progress: LoadProgress | undefined
  try {
    await checkPrompt(located, flags, question, policies, loading)
    for (const line of whatItTakes(located, flags, question)) say(line)
    progress = new LoadProgress(say)
    return await loadLocated(located, { ...loading, onProgress: progress.onProgress })
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  } finally {
    progress?.stop()
  }
}

/** The text of the first policy is shown as it comes; those that it is compared with show only how far they are. */
function viewFor(flags: RunFlags, { info }: LocatedModel, isFirst: boolean): RunView {
  if (flags.json === true) return silentView
  if (canSteerTerminal()) return new TerminalView(process.stdout, { showText: isFirst })
  return isFirst ? new PlainView(textOutput, findThinkingTags(info.chatTemplate ?? '')) : silentView
}

/** Where a model's text goes, unless a view knows better. */
const textOutput = {
  write: (text: string) => process.stdout.write(process.stdout.isTTY ? printable(text) : text),
}

/** Without colours thinking and answer could not be told apart, and a dumb terminal has no scroll region. */
function canSteerTerminal(): boolean {
  return process.stdout.isTTY && pc.isColorSupported && process.env['TERM'] !== 'dumb'
}

/** All samples under one policy. */
interface PlannedRun {
  /** Its name; the model's default is resolved. */
  readonly policy: string
  /** The most cells that a sequence will hold. */
  readonly cells: number
  /** Whether the policy reads attention weights. */
  readonly attention: boolean
  readonly requests: readonly GenerateRequest[]
}

/** Refuses what cannot be run before the first policy has begun. */
async function planPolicy(
  model: Model,
  flags: RunFlags,
  question: string,
  policy: string | undefined,
): Promise<PlannedRun> {
  const requests = Array.from({ length: flags.samples }, (_, sample) => requestOf(flags, question, policy, sample))
  // Samples differ in their seeds only.
  const plan = await model.plan(requestOf(flags, question, policy, 0))
  return { policy: plan.policy, cells: plan.cells, attention: plan.attention, requests }
}

/** Runs all samples under one policy, in an engine of the size that they need. */
async function runPolicy(
  model: Model,
  { policy, cells, attention, requests }: PlannedRun,
  flags: RunFlags,
  view: RunView,
  signal: AbortSignal,
  say: Say,
): Promise<PolicyResults> {
  const { flashAttention, kvType, compaction } = flags
  const engine = await Engine.create(model, {
    cells,
    sequences: requests.length,
    kvType,
    compaction,
    attention,
    flashAttention: flashAttention === undefined ? undefined : flashAttention === 'on',
  })
  view.begin(policy, requests.length)
  const start = performance.now()
  try {
    const results = await Promise.all(
      requests.map(async (request, index) => {
        const generation = engine.generate(request, { signal })
        for await (const event of generation) view.onEvent(index, event)
        return await generation.result
      }),
    )
    return { policy, results, wallMs: performance.now() - start }
  } finally {
    view.end()
    await engine.close()
    if (signal.aborted) say('Interrupted.')
  }
}

function printResults(runs: readonly PolicyResults[], model: Model, flags: RunFlags, say: Say): void {
  if (flags.json === true) {
    printJson(runs, model, flags)
    return
  }
  if (flags.samples > 1) printSamples(runs)
  say(`\n${summaryTable(runs)}`)
}

function printSamples(runs: readonly PolicyResults[]): void {
  for (const { policy, results } of runs) {
    for (const { seed, answer } of results) textOutput.write(`[${policy}, seed ${seed}] ${answer}\n`)
  }
}

function printJson(runs: readonly PolicyResults[], model: Model, flags: RunFlags): void {
  const records = runs.flatMap(({ results }) =>
    results.map((result: GenerateResult) => runRecord(result, model, flags)),
  )
  const isArray = flags.samples > 1 || flags.compare !== undefined
  process.stdout.write(`${JSON.stringify(isArray ? records : records[0], null, 2)}\n`)
}

const whatTheEmbeddedModelKnows = `The embedded model is a toy of 3.6 million parameters: it knows questions like
  "${exampleQuestion}"
and nothing else. For real questions take a real model, for example
  dynts run --model unsloth/DeepSeek-R1-Distill-Qwen-1.5B-GGUF:Q4_K_M "your question"
docs/models.md lists models with sizes and settings.`
