/** What tells results apart that were made with other templates or tags than the model's own. */
import { createHash } from 'node:crypto'
import type { TemplateOptions } from './locate-model.ts'

/** SHA-256 over chat template, its variables and thinking tags that were given; null: the model's own. */
export function templateHash({ chatTemplate, templateVariables = {}, thinkingTags }: TemplateOptions): string | null {
  const variables = Object.entries(templateVariables).sort(([a], [b]) => (a < b ? -1 : 1))
  const tags = thinkingTags && [thinkingTags.open, thinkingTags.close]
  if (chatTemplate === undefined && variables.length === 0 && !tags) return null
  return createHash('sha256')
    .update(JSON.stringify([chatTemplate ?? null, variables, tags ?? null]))
    .digest('hex')
}
