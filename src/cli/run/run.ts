/**
 * What `dynts run` does: locates and loads the model, generates under one policy after another, and tells the results.
 */
import type { CacheSettings } from '../../cache/budget.ts'
import { Engine } from '../../engine/engine.ts'
import type { LocatedModel } from '../../engine/locate-model.ts'
import type { Model } from '../../engine/model.ts'
import { defaultPolicy } from '../../engine/cache-settings.ts'
import { settleRequest } from '../../engine/prepare.ts'
import type { GenerateRequest, GenerateResult } from '../../engine/types.ts'
import { isChainProblem, solveChainProblem } from '../../evaluation/chain-problem.ts'
import { InputError } from '../../errors.ts'
import { formatPolicyReference } from '../../eviction/protect.ts'
import { parseReference } from '../../models/reference.ts'
import { withFlags } from '../../option-names.ts'
import { checkCalibrationUse } from '../options/calibration-option.ts'
import { checkPrompt } from './check-prompt.ts'
import { choosePolicies, refuseUnbounded, type ChosenPolicy } from '../options/chosen-policies.ts'
import { findModel } from '../find-model.ts'
import { onInterrupt, untilInterrupted } from '../interrupt.ts'
import { loadModel, LoadProgress } from '../output/load-progress.ts'
import { checkPredictorUse, takesRecommended } from '../options/predictor-option.ts'
import { exampleQuestion, hasUnreadInput, readQuestion } from './question.ts'
import { runRecord } from './run-json.ts'
import { checkRunFlags, engineOptionsOf, requestOf, type RunFlags } from './run-options.ts'
import { PlainView, silentView, textOutput, type RunView } from './run-view.ts'
import { settingFacts } from '../options/setting-facts.ts'
import { cacheFlagValues } from '../options/setting-flags.ts'
import { summaryTable, type PolicyResults } from './summary.ts'
import { templateOptions } from '../options/template-options.ts'
import { canSteerTerminal, TerminalView } from './terminal-view.ts'
import { thinkingNotes } from './thinking-notes.ts'
import { whatItTakes } from './what-it-takes.ts'
import type { Say } from '../output/write.ts'

/** @param argument the question, as given on the command line */
export async function run(argument: string | undefined, flags: RunFlags): Promise<void> {
  if (isForChat(argument, flags)) {
    const { chat } = await import('../chat/chat.ts')
    await chat(undefined, flags)
    return
  }
  checkRunFlags(flags)
  const templates = templateOptions(flags)
  const named = choosePolicies([...(flags.policy === undefined ? [] : [flags.policy]), ...(flags.compare ?? [])], flags)
  checkAttention(named, flags)
  // The default one depends on the model.
  const policies = flags.policy === undefined ? [undefined, ...named] : named
  for (const request of requestsOf(flags, '', policies)) settleRequest(undefined, request)
  const isEmbeddedModel = parseReference(flags.model).kind === 'embedded'
  const { demo = false, seed } = flags
  const question = await readQuestion(argument, { demo, isEmbeddedModel, seed })
  using signal = onInterrupt()
  const say: Say = (text) => flags.json !== true && process.stderr.write(`${text}\n`)
  const located = await findModel(flags, signal, templates)
  if (!located) return
  checkEffects(flags, named, located)
  const settled = policies.map((policy) => settleRequest(settingFacts(located), requestOf(flags, question, policy, 0)))
  const settings = settled.find((one) => one.settings)?.settings
  const model = await untilInterrupted(signal, () => load(located, flags, question, settings, signal, say))
  if (!model) return void say('Interrupted.')
  if (hasUnreadInput(argument)) say('Standard input is not read: the question is given (- in its place reads it).')
  if (model.notEvictable !== undefined && flags.policy === undefined) {
    say(`The cache of this model cannot be bounded: ${withFlags(model.notEvictable)}. It runs under policy full.`)
  }
  try {
    const planned = await Promise.all(policies.map((policy) => planPolicy(model, flags, question, policy)))
    const runs: PolicyResults[] = []
    if (isEmbeddedModel) say(`\n${question}\n`)
    try {
      for (const [i, run] of planned.entries()) {
        if (i > 0 && signal.aborted) break
        runs.push(await runPolicy(model, run, flags, viewFor(flags, model, i === 0), signal, say))
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

/** A person at a terminal who names a model and asks nothing wants to talk with it. The embedded model poses a question of its own. */
function isForChat(argument: string | undefined, { model, demo, json, compare, samples }: RunFlags): boolean {
  const asksNothing = argument === undefined && demo !== true && parseReference(model).kind !== 'embedded'
  const isPlain = json !== true && compare === undefined && samples === 1
  return asksNothing && isPlain && process.stdin.isTTY && process.stdout.isTTY
}

/** The first sample and the last under each policy: they differ in their seeds. */
function requestsOf(flags: RunFlags, question: string, policies: readonly (ChosenPolicy | undefined)[]) {
  const samples = [...new Set([0, flags.samples - 1])]
  return policies.flatMap((policy) => samples.map((sample) => requestOf(flags, question, policy, sample)))
}

/** Refuses what would have no effect under the policies, the model's default among them. @throws InputError `invalid_option` */
function checkEffects(flags: RunFlags, named: readonly ChosenPolicy[], located: LocatedModel): void {
  const byDefault = flags.policy === undefined ? [defaultPolicy(settingFacts(located))] : []
  const twice = named.find(({ title }) => byDefault.includes(title))
  if (twice) {
    const { title } = twice
    throw new InputError(
      'invalid_option',
      `--compare names ${title}, which is the default --policy: leave it out there`,
    )
  }
  const chosen = choosePolicies([...byDefault, ...named.map(({ reference }) => reference)], flags)
  refuseUnbounded(chosen, { ...cacheFlagValues(flags), '--compaction': flags.compaction !== 'auto' })
  checkCalibrationUse(flags, chosen)
  checkPredictorUse(flags, chosen, takesRecommended(flags))
}

/** Attention weights exist only without flash attention. @throws InputError `invalid_option` */
function checkAttention(chosen: readonly ChosenPolicy[], { kvType, flashAttention }: RunFlags): void {
  const reading = chosen.find(({ definition }) => definition.needs.has('attention'))
  if (!reading) return
  const refuse = (what: string, advice: string) =>
    new InputError(
      'invalid_option',
      `policy ${reading.title} reads attention weights, which ${what} does not allow: ${advice}`,
    )
  if (kvType === 'q8_0') throw refuse('a q8_0 cache', 'use --kv-type f16')
  if (flashAttention === 'on') throw refuse('flash attention', 'leave --flash-attention out')
}

/** Says what the run takes, and loads the model. */
async function load(
  located: LocatedModel,
  flags: RunFlags,
  question: string,
  settings: CacheSettings | undefined,
  signal: AbortSignal,
  say: Say,
): Promise<Model> {
  if (settings) {
    using progress = new LoadProgress(say)
    const { prompt } = requestOf(flags, question, undefined, 0)
    const { gpu, gpuLayers, threads } = flags
    await checkPrompt(located, prompt, settings, { gpu, gpuLayers, threads, signal, onTrial: progress.onTrial })
  }
  for (const line of whatItTakes(located, flags, question)) say(line)
  return await loadModel(located, flags, { signal, say })
}

/** The text of the first policy is shown as it comes; those that it is compared with show only how far they are. */
function viewFor(flags: RunFlags, { thinkingTags }: Model, isFirst: boolean): RunView {
  if (flags.json === true) return silentView
  if (canSteerTerminal()) return new TerminalView(process.stdout, { showText: isFirst })
  return isFirst ? new PlainView(textOutput, thinkingTags) : silentView
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
  policy: ChosenPolicy | undefined,
): Promise<PlannedRun> {
  const requests = Array.from({ length: flags.samples }, (_, sample) => requestOf(flags, question, policy, sample))
  // Samples differ in their seeds only.
  const plan = await model.plan(requestOf(flags, question, policy, 0))
  return { policy: formatPolicyReference(plan), cells: plan.cells, attention: plan.attention, requests }
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
  const sequences = requests.length
  const engine = await Engine.create(model, { cells, sequences, attention, ...engineOptionsOf(flags) })
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
  const notes = thinkingNotes(
    runs.flatMap(({ results }) => results),
    flags,
  )
  for (const note of notes) say(note)
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
