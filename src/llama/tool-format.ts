/** How models write calls of functions. Their templates show it: they tell the model so. */

/**
 * `hermes`: JSON with `name` and `arguments` between `<tool_call>` and `</tool_call>` (Hermes, Qwen2.5, Qwen3, QwQ). `qwen3-coder`: between the
 * same tags, `<function=NAME>` with a `<parameter=KEY>` for each argument.
 */
export type ToolFormat = 'hermes' | 'qwen3-coder'

/** Around a call, and around what it gave. */
export const toolTags = {
  open: '<tool_call>',
  close: '</tool_call>',
  responseOpen: '<tool_response>',
  responseClose: '</tool_response>',
} as const

/** Whether a template does anything with tools. */
export function knowsTools(template: string): boolean {
  return /\btools\b/.test(template)
}

/** Undefined: none that is known. */
export function findToolFormat(template: string): ToolFormat | undefined {
  if (!knowsTools(template) || !template.includes(toolTags.open)) return undefined
  if (template.includes('<function=') && template.includes('<parameter=')) return 'qwen3-coder'
  // Within a text of the template, quotes are escaped.
  return /\\?"arguments\\?"/.test(template) ? 'hermes' : undefined
}
