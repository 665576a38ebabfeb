/**
 * What `dynts run` says before it loads anything.
 */
import { shareText } from '../../cache/budget.ts'
import type { LocatedModel } from '../../engine/locate-model.ts'
import { defaultPolicy, resolveCacheSettings, resolvePolicyOptions } from '../../engine/cache-settings.ts'
import { defaultMaxTokens } from '../../engine/prepare.ts'
import { hasThinkingSwitch, type ThinkingTags } from '../../llama/index.ts'
import type { PolicyDefinition } from '../../eviction/policy.ts'
import { parsePolicyReference } from '../../eviction/protect.ts'
import { resolvePolicy } from '../../eviction/registry.ts'
import type { GgufInfo } from '../../models/gguf-file.ts'
import { missingMetadata } from '../../models/missing-metadata.ts'
import { formatMemoryPlan, memoryPlan } from '../../models/memory-plan.ts'
import { count } from '../output/counted.ts'
import { estimatedTokens, howItFills } from '../output/how-it-fills.ts'
import { modelTitle } from '../options/model-option.ts'
import type { RunFlags } from './run-options.ts'
import { settingFacts, windowLoss } from '../options/setting-facts.ts'

/** What is known before anything is loaded: policy, settings, memory, and what will end the generation. */
export function whatItTakes(located: LocatedModel, flags: RunFlags, question: string): string[] {
  const { info, predictor, thinkingTags } = located
  const name = flags.policy ?? defaultPolicy(settingFacts(located))
  const policy = resolvePolicy(parsePolicyReference(name).policy)
  const settings = resolveCacheSettings(predictor ?? {}, flags)
  const maxTokens = flags.maxTokens ?? defaultMaxTokens
  const textLength = Math.min(info.trainedContext, maxTokens + estimatedTokens(question))
  const plan = memoryPlan(info, {
    cellsPerSequence: policy.evicts ? settings.budget : textLength,
    sequences: flags.samples,
    kvType: flags.kvType,
    textLength,
  })
  const lines = [modelTitle(info), formatMemoryPlan(plan, flags.samples)]
  if (policy.evicts) {
    const { budget, localWindow } = settings
    const source = [flags.budget, flags.localWindow, flags.ratio, flags.evictEvery].every(
      (value) => value === undefined,
    )
      ? predictor?.budget === undefined
        ? ' (defaults)'
        : ' (recommended by the predictor)'
      : ''
    const weight = weightText(policy, predictor, flags)
    lines.push(
      `policy ${policy.name}${weight}: budget ${budget}, local window ${localWindow}, ${shareText(settings)}${source}`,
    )
    const filling = howItFills(settings, estimatedTokens(question))
    if (filling !== undefined) lines.push(filling)
  } else {
    lines.push(`policy ${policy.name}: the cache is not bounded`)
  }
  if (policy.evicts) lines.push(...windowLoss(settings.localWindow, info))
  lines.push(...missingMetadata(info))
  if (!flags.thinking) lines.push(...howThinkingIsSwitchedOff(info.chatTemplate, thinkingTags))
  if (!predictor && flags.policy === undefined && policy.evicts) {
    lines.push(
      'There is no importance predictor for this model, so nothing tells which thinking matters: question-window keeps the newest. dynts fit trains one (docs/training.md).',
    )
  }
  if (policy.evicts) lines.push(...neverEvicted(settings.budget, info))
  if (textLength >= info.trainedContext) {
    lines.push(
      `The model was trained for ${count(info.trainedContext)} positions; a generation that reaches them ends there (length).`,
    )
  }
  return lines
}

/** Where a sequence ends before it has as many cells as the budget. */
export function neverEvicted(budget: number, { trainedContext }: GgufInfo): string[] {
  if (budget < trainedContext) return []
  return [
    `The model was trained for ${count(trainedContext)} positions, the budget is as large: nothing will be evicted.`,
  ]
}

/** Where it is given or recommended. */
function weightText(policy: PolicyDefinition, predictor: LocatedModel['predictor'], flags: RunFlags): string {
  if (!Object.hasOwn(policy.options.shape, 'diversity')) return ''
  const { diversity } = resolvePolicyOptions(policy, predictor ?? {}, { diversity: flags['diversity'] })
  return typeof diversity === 'number' || typeof diversity === 'string' ? `, diversity ${diversity}` : ''
}

function howThinkingIsSwitchedOff(chatTemplate: string | undefined, tags: ThinkingTags): string[] {
  if (chatTemplate === undefined || hasThinkingSwitch(chatTemplate)) return []
  if (tags.areAssumed) return ['The template names no thinking that --no-thinking could switch off.']
  return ['The template has no switch for thinking: the prompt ends in an empty one.']
}
