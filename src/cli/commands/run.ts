/**
 * `dynts run`: one question, thinking under a bounded cache, and what it took.
 */
import { Command } from 'commander'
import pc from 'picocolors'
import { Engine } from '../../engine/engine.ts'
import { loadLocated, locateModel, type LocatedModel, type Model } from '../../engine/model.ts'
import { defaultMaxTokens, defaultPolicy, resolveCacheSettings } from '../../engine/prepare.ts'
import type { GenerateRequest, GenerateResult } from '../../engine/types.ts'
import { isChainProblem, solveChainProblem } from '../../evaluation/chain-problem.ts'
import { isPolicyFile } from '../../eviction/load-policy.ts'
import { findPolicy } from '../../eviction/registry.ts'
import { findThinkingTags } from '../../llama/index.ts'
import { formatMemoryPlan, memoryPlan } from '../../models/memory-plan.ts'
import { parseReference } from '../../models/reference.ts'
import { checkCacheFlags, checkFlags } from '../check-flags.ts'
import { downloadStopped, showDownload } from '../download-progress.ts'
import { onInterrupt } from '../interrupt.ts'
import { LoadProgress } from '../load-progress.ts'
import { exampleQuestion, readQuestion } from '../question.ts'
import { runRecord } from '../run-json.ts'
import { addRunOptions, policiesOf, requestOf, type RunFlags } from '../run-options.ts'
import { PlainView, silentView, type RunView } from '../run-view.ts'
import { summaryTable, type PolicyResults } from '../summary.ts'
import { TerminalView } from '../terminal-view.ts'

export function runCommand(): Command {
  const command = new Command('run')
    .description('Answer a question, thinking under a bounded KV cache')
    .argument('[question]', 'the question; "-" or none reads standard input')
  return addRunOptions(command).action((question: string | undefined, flags: RunFlags) => run(question, flags))
}

async function run(argument: string | undefined, flags: RunFlags): Promise<void> {
  const policies = policiesOf(flags)
  checkFlags(flags, policies)
  const isEmbeddedModel = parseReference(flags.model).kind === 'embedded'
  const { demo = false, seed } = flags
  const question = await readQuestion(argument, { demo, isEmbeddedModel, seed })
  using interrupt = onInterrupt()
  const say = (text: string) => flags.json !== true && process.stderr.write(`${text}\n`)

  const located = await locate(flags, interrupt.signal)
  if (!located) return void say(downloadStopped)
  checkCacheFlags(flags, policies, located.predictor)
  for (const line of whatItTakes(located, flags, question)) say(line)
  const model = await load(located, flags, interrupt.signal, say)
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
        if (i > 0 && interrupt.signal.aborted) break
        runs.push(await runPolicy(model, run, flags, viewFor(flags, located, i === 0), interrupt.signal, say))
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

/** Undefined: the download was interrupted. */
async function locate(flags: RunFlags, signal: AbortSignal): Promise<LocatedModel | undefined> {
  const display = showDownload(process.stderr)
  try {
    return await locateModel(flags.model, {
      predictor: flags.predictor === 'none' ? false : flags.predictor,
      offline: flags.offline,
      signal,
      onDownload: display.onProgress,
    })
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  } finally {
    display.stop()
  }
}

/** What is known before anything is loaded: policy, settings, memory, and what will end the generation. */
function whatItTakes({ info, predictor }: LocatedModel, flags: RunFlags, question: string): string[] {
  const recurrent = isRecurrent(info)
    ? 'its recurrent layers keep a state from which no token can be removed'
    : undefined
  const name = flags.policy ?? defaultPolicy({ hasPredictor: predictor !== undefined, notEvictable: recurrent })
  const policy = isPolicyFile(name) ? { name, evicts: true } : findPolicy(name)
  const settings = resolveCacheSettings(predictor ?? {}, flags)
  const maxTokens = flags.maxTokens ?? defaultMaxTokens
  const textLength = Math.min(info.trainedContext, maxTokens + estimatedTokens(question))
  const plan = memoryPlan(info, {
    cellsPerSequence: policy.evicts ? settings.budget : textLength,
    sequences: flags.samples,
    kvType: flags.kvType,
    textLength,
  })
  const lines = [`${info.name} (${info.architecture}, ${info.quantization})`, formatMemoryPlan(plan, flags.samples)]
  if (policy.evicts) {
    const source = [flags.budget, flags.localWindow, flags.ratio].every((value) => value === undefined)
      ? predictor?.budget === undefined
        ? ' (defaults)'
        : ' (recommended by the predictor)'
      : ''
    lines.push(
      `policy ${policy.name}: budget ${settings.budget}, local window ${settings.localWindow}, ratio ${settings.ratio}${source}`,
    )
  } else {
    const ignored = [flags.budget, flags.localWindow, flags.ratio].some((value) => value !== undefined)
    lines.push(
      `policy ${policy.name}: the cache is not bounded${ignored ? '; budget, local window and ratio have no effect' : ''}`,
    )
  }
  if (!predictor && flags.policy === undefined && policy.evicts) {
    lines.push(
      'There is no importance predictor for this model, so nothing tells which thinking matters: question-window keeps the newest. dynts fit trains one (docs/training.md).',
    )
  }
  if (textLength >= info.trainedContext) {
    lines.push(
      `The model was trained for ${info.trainedContext.toLocaleString('en-US')} positions; a generation that reaches them ends there (length).`,
    )
  }
  return lines
}

/** Recurrent or hybrid, as far as the file's header tells; the engine knows for certain. */
function isRecurrent({ architectureValues }: LocatedModel['info']): boolean {
  return [...architectureValues.keys()].some((key) => key.startsWith('ssm.') || key.startsWith('wkv.'))
}

/** Before a model is loaded nothing can be tokenized: about three bytes a token, and some for the template. */
function estimatedTokens(question: string): number {
  return Math.ceil(Buffer.byteLength(question) / 3) + 32
}

/** Undefined: the loading was interrupted. */
async function load(
  located: LocatedModel,
  flags: RunFlags,
  signal: AbortSignal,
  say: (text: string) => unknown,
): Promise<Model | undefined> {
  const progress = new LoadProgress(say)
  const { gpu, gpuLayers, threads } = flags
  try {
    return await loadLocated(located, { gpu, gpuLayers, threads, signal, onProgress: progress.onProgress })
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  } finally {
    progress.stop()
  }
}

/** The text of the first policy is shown as it comes; those that it is compared with show only how far they are. */
function viewFor(flags: RunFlags, { info }: LocatedModel, isFirst: boolean): RunView {
  if (flags.json === true) return silentView
  if (canSteerTerminal()) return new TerminalView(process.stdout, { showText: isFirst })
  return isFirst ? new PlainView(process.stdout, findThinkingTags(info.chatTemplate ?? '')) : silentView
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
  say: (text: string) => unknown,
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

function printResults(
  runs: readonly PolicyResults[],
  model: Model,
  flags: RunFlags,
  say: (text: string) => unknown,
): void {
  if (flags.json === true) {
    printJson(runs, model, flags)
    return
  }
  if (flags.samples > 1) printSamples(runs)
  say(`\n${summaryTable(runs)}`)
}

function printSamples(runs: readonly PolicyResults[]): void {
  for (const { policy, results } of runs) {
    for (const { seed, answer } of results) process.stdout.write(`[${policy}, seed ${seed}] ${answer}\n`)
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
