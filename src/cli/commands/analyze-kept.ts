/** `dynts analyze kept`: which cells of one trace each policy keeps. */
import { Command } from 'commander'
import { keptCells } from '../../analysis/kept-cells.ts'
import { Engine } from '../../engine/engine.ts'
import { fingerprint, type LocatedModel } from '../../engine/locate-model.ts'
import { settleRequest } from '../../engine/prepare.ts'
import type { GenerateRequest } from '../../engine/types.ts'
import { InputError } from '../../errors.ts'
import { scored } from '../../evaluation/presets/presets.ts'
import { keptTraces } from '../../traces/kept-traces.ts'
import type { KeptTrace } from '../../traces/trace-record.ts'
import { choosePolicies, policyOfRequest, refuseUnbounded, type ChosenPolicy } from '../options/chosen-policies.ts'
import { findModel, type ModelFlags } from '../find-model.ts'
import { onInterrupt, untilInterrupted } from '../interrupt.ts'
import { keptText } from '../analyze/kept-text.ts'
import { loadModel } from '../output/load-progress.ts'
import { addMachineOptions, checkDeviceFlags, type MachineFlags } from '../options/machine-options.ts'
import { modelOption, modelTitle } from '../options/model-option.ts'
import { names } from '../options/option-values.ts'
import { checkPredictorUse, predictorOption, takesRecommended } from '../options/predictor-option.ts'
import { packageVersion } from '../package-version.ts'
import { ProgressLine } from '../output/progress-line.ts'
import { checkReplaceable } from '../output/replaceable.ts'
import { settingFacts, windowLoss } from '../options/setting-facts.ts'
import { addBoundOptions, cacheFlagValues, checkCacheFlags, type BoundFlags } from '../options/setting-flags.ts'
import { toStderr } from '../output/write.ts'
import { writeRecord } from '../output/write-record.ts'

interface KeptFlags extends MachineFlags, ModelFlags, BoundFlags {
  readonly trace?: string
  readonly policy?: string[]
  readonly output?: string
  readonly json?: boolean
}

/** The rows of the paper's drawing, and the controls. */
const usualPolicies = ['full', 'snapkv', 'streaming-llm', 'h2o', 'question-window', 'random', ...scored]

export function analyzeKeptCommand(): Command {
  const command = new Command('kept')
    .description('Which cells of one trace each policy keeps')
    .argument('<traces>', 'a file of dynts trace')
    .addOption(modelOption('the model of the traces (as for run --model)'))
    .addOption(predictorOption())
    .option('--trace <id>', 'which trace (default: the longest)')
    .option(
      '-p, --policy <names>',
      `separated by commas (default: ${usualPolicies.join(',')}; ${scored.join(' and ')} where there is a predictor)`,
      names,
    )
  addBoundOptions(command).option('-o, --output <file>', 'write the JSON object, for dynts report')
  return addMachineOptions(command)
    .option('--json', 'print one JSON object')
    .action((traces: string, flags: KeptFlags) => analyzeKept(traces, flags))
}

async function analyzeKept(traces: string, flags: KeptFlags): Promise<void> {
  checkDeviceFlags(flags)
  checkCacheFlags(flags)
  if (flags.output !== undefined) checkReplaceable(flags.output, 'json')
  using signal = onInterrupt()
  const located = await findModel(flags, signal)
  if (!located) return
  const trace = findTrace(traces, located, flags)
  const requests = requestsFor(trace, located, flags)
  const [bound] = requests.flatMap(({ request }) => request.localWindow ?? [])
  for (const line of windowLoss(bound, located.info)) toStderr(line)
  const policies = await untilInterrupted(signal, () => replayAll(located, requests, flags, signal))
  if (!policies) return void toStderr('Interrupted.')
  const record = recordOf(trace, policies, located, requests, flags)
  writeRecord(flags, record, `${modelTitle(located.info)}\n${keptText(record)}`)
}

/** @throws InputError `no_traces`; what reading the file throws */
function findTrace(path: string, { info }: LocatedModel, { trace: wanted }: KeptFlags): KeptTrace {
  let found: KeptTrace | undefined
  for (const trace of keptTraces(path, fingerprint(info))) {
    const isIt = wanted === undefined ? trace.tokens.length > (found?.tokens.length ?? 0) : trace.id === wanted
    if (isIt && found?.id !== trace.id) found = trace
  }
  if (found) return found
  const what = wanted === undefined ? 'trace that was kept' : `trace ${wanted} that was kept`
  throw new InputError('no_traces', `${path} holds no ${what}.`)
}

interface PolicyRequest {
  readonly chosen: ChosenPolicy
  readonly request: GenerateRequest
}

/** @throws InputError `invalid_option` if nothing is evicted, and what `choosePolicies` and `settleRequest` throw */
function requestsFor(trace: KeptTrace, located: LocatedModel, flags: KeptFlags): PolicyRequest[] {
  const { budget, localWindow, ratio, evictEvery } = flags
  const usual = usualPolicies.filter((name) => !scored.includes(name) || located.predictor !== undefined)
  const policies = choosePolicies(flags.policy ?? usual, {})
  refuseUnbounded(policies, cacheFlagValues(flags))
  checkPredictorUse(flags, policies, takesRecommended(flags))
  const { promptTokens, tokens } = trace
  return policies.map((chosen) => {
    const plain = {
      prompt: { tokens: tokens.slice(0, promptTokens) },
      replay: tokens.slice(promptTokens),
      ...policyOfRequest(chosen),
    }
    const asked = chosen.definition.evicts ? { ...plain, budget, localWindow, ratio, evictEvery } : plain
    const { settings } = settleRequest(settingFacts(located), asked)
    return { chosen, request: { ...plain, ...settings } }
  })
}

async function replayAll(
  located: LocatedModel,
  requests: readonly PolicyRequest[],
  flags: KeptFlags,
  signal: AbortSignal,
) {
  using progress = new ProgressLine(process.stderr, 'tokens')
  await using model = await loadModel(located, flags, { signal, say: (text) => progress.say(text) })
  const total = requests.reduce((sum, { request }) => sum + (request.replay?.length ?? 0), 0)
  let done = 0
  const found = []
  for (const { chosen, request } of requests) {
    const { cells, attention } = await model.plan(request)
    await using engine = await Engine.create(model, { cells, attention, kvType: flags.kvType })
    const onToken = () => progress.update(++done, total, chosen.title)
    const kept = await keptCells(engine, request, { signal, onToken })
    found.push({ policy: chosen.definition.name, title: chosen.title, ...kept })
  }
  return found
}

function recordOf(
  trace: KeptTrace,
  policies: Awaited<ReturnType<typeof replayAll>>,
  { info }: LocatedModel,
  requests: readonly PolicyRequest[],
  { kvType }: KeptFlags,
) {
  const { id, promptTokens, thinkStart, thinkEnd, answerStart, tokens } = trace
  const bounded = requests.find(({ request }) => request.budget !== undefined)?.request
  const { budget = 0, localWindow = 0, ratio = null, evictEvery = null } = bounded ?? {}
  return {
    schema: 'dynts.analyze.kept/1' as const,
    model: { name: info.name, quantization: info.quantization },
    settings: { budget, localWindow, ratio, evictEvery, kvType },
    trace: { id, promptTokens, thinkStart, thinkEnd, answerStart, tokens: tokens.length },
    policies,
    versions: { dynts: packageVersion() },
  }
}

export type KeptRecord = ReturnType<typeof recordOf>
