/** What settings mean in cells, before a prompt is tokenized: how many leave at an eviction, stay, and are held on average. */
import { meanCells, mostPromptCells, planEviction, type CacheSettings } from '../../cache/budget.ts'

/** Before a model is loaded nothing can be tokenized: about three bytes a token, and some for the template. */
export function estimatedTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 3) + 32
}

/**
 * Of a sequence that has reached its budget.
 * @param promptTokens about so many: with a ratio it depends on them how many leave
 * @returns undefined where such a prompt does not fit
 */
export function howItFills(settings: CacheSettings, promptTokens: number): string | undefined {
  if (promptTokens > mostPromptCells(settings)) return undefined
  const { budget, evictEvery } = settings
  const { leaving } = planEviction(settings, promptTokens)
  const [about, prompt] =
    evictEvery === undefined ? ['about ', `, with a prompt of about ${promptTokens} tokens`] : ['', '']
  return `${about}${leaving} cells leave at each eviction and ${budget - leaving} stay: ${meanCells(budget, leaving)} on average once the budget is reached${prompt}`
}
