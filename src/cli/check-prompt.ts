/**
 * Refuses a prompt that is too long for the budget before the weights are read. Only the vocabulary tells how many tokens a
 * prompt has, and reading a large one takes half a second: it is asked only where the text is long enough to be in question.
 * The engine checks again.
 */
import { planEviction } from '../cache/budget.ts'
import { loadLocated, type LoadModelOptions, type LocatedModel } from '../engine/model.ts'
import { resolveCacheSettings } from '../engine/prepare.ts'
import { isPolicyFile } from '../eviction/load-policy.ts'
import { findPolicy } from '../eviction/registry.ts'
import { cacheBound } from '../models/cache-bound.ts'
import { requestOf, type RunFlags } from './run-options.ts'

/** Tokens that most chat templates add. */
const templateTokens = 256

/**
 * @param policies as `policiesOf` gives them
 * @throws InputError `prompt_too_long`, `chat_template`; EngineError `load_cancelled`
 */
export async function checkPrompt(
  located: LocatedModel,
  flags: RunFlags,
  question: string,
  policies: readonly (string | undefined)[],
  loading: LoadModelOptions,
): Promise<void> {
  if (!policies.some((policy) => isBounded(policy, located))) return
  const settings = resolveCacheSettings(located.predictor ?? {}, flags)
  // A token is a byte of the text, or more.
  const mostTokens = Buffer.byteLength(question) + Buffer.byteLength(flags.system ?? '') + templateTokens
  if (mostTokens < settings.budget - settings.localWindow) return
  await using vocabulary = await loadLocated(located, { ...loading, vocabularyOnly: true })
  const { prompt } = requestOf(flags, question, undefined, 0)
  const { promptTokens } = await vocabulary.layout({ prompt, completion: [] })
  planEviction(settings, promptTokens)
}

/** Whether a run under the policy is certain to have a bound, as far as it can be told from the file's header. */
function isBounded(policy: string | undefined, { info, predictor }: LocatedModel): boolean {
  if (policy !== undefined) return isPolicyFile(policy) || findPolicy(policy).evicts
  const { impossible, mayHaveWindow } = cacheBound(info)
  return predictor !== undefined || (impossible === undefined && !mayHaveWindow)
}
