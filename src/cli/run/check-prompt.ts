/**
 * Refuses a prompt that is too long for the budget before the weights are read. Only the vocabulary tells how many tokens a
 * prompt has, and reading a large one takes half a second: it is asked only where the text is long enough to be in question.
 */
import { mostPromptCells, planEviction, type CacheSettings } from '../../cache/budget.ts'
import type { LocatedModel } from '../../engine/locate-model.ts'
import { loadLocated, type LoadModelOptions } from '../../engine/model.ts'
import { checkRoom } from '../../engine/prepare.ts'
import type { Prompt } from '../../engine/types.ts'

/** Tokens that most chat templates add. */
const templateTokens = 256

/** @throws InputError `prompt_too_long`, `chat_template`; EngineError `load_cancelled` */
export async function checkPrompt(
  located: LocatedModel,
  prompt: Prompt,
  settings: CacheSettings,
  loading: LoadModelOptions,
): Promise<void> {
  // A token is a byte of the text, or more.
  if (Buffer.byteLength(JSON.stringify(prompt)) + templateTokens < mostPromptCells(settings)) return
  await using vocabulary = await loadLocated(located, { ...loading, vocabularyOnly: true })
  const { promptTokens } = await vocabulary.layout({ prompt, completion: [] })
  // Said before the budget: no budget would help.
  checkRoom(promptTokens, located.info.trainedContext)
  planEviction(settings, promptTokens)
}
