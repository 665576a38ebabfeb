/**
 * Thinking and reply in a text that has both, cut at the tags of the model, or at those of the data sets that were made with others.
 */
import type { CompletionParts } from '../engine/trace-layout.ts'
import type { ThinkingTags } from '../llama/index.ts'

/** What opens and closes the thinking. */
export type TagPair = Pick<ThinkingTags, 'open' | 'close'>

/** In texts of other models; the last is that of OpenThoughts. */
const otherTags: readonly TagPair[] = [
  { open: '<think>', close: '</think>' },
  { open: '<thinking>', close: '</thinking>' },
  { open: '<|begin_of_thought|>', close: '<|end_of_thought|>' },
]
const solutionTags = { open: '<|begin_of_solution|>', close: '<|end_of_solution|>' }

/**
 * The parts of a text. White space of a text with the model's own tags is kept (`cutFrom`). A text that begins behind its opening tag,
 * as it does where the template writes that, is recognised by the closing one. A text without tags has no thinking.
 */
export function partsOfText(text: string, own: TagPair): CompletionParts {
  const ownParts = cut(text, own)
  if (ownParts) return ownParts
  for (const tags of otherTags) {
    const parts = cut(text, tags)
    if (parts) return partsOfFields(parts.thinking, withoutSolutionTags(parts.answer))
  }
  return { thinking: '', answer: text, ended: text.trim() !== '' }
}

/** Parts that came apart: of their white space nothing is known. Without a reply the trace is not complete. */
export function partsOfFields(thinking: string, reply: string): CompletionParts {
  return { thinking: thinking.trim(), answer: reply.trim(), ended: reply.trim() !== '' }
}

/** Undefined: these are not its tags. */
function cut(text: string, { open, close }: TagPair): CompletionParts | undefined {
  const begun = text.trimStart()
  const hasTag = begun.startsWith(open)
  const body = hasTag ? begun.slice(open.length) : text
  const end = body.indexOf(close)
  if (end < 0) return hasTag ? { thinking: body, answer: '', ended: false, cutFrom: 'tag' } : undefined
  const thinking = body.slice(0, end)
  // Words before the thinking are no thinking.
  if (!hasTag && thinking.includes(open)) return undefined
  const answer = body.slice(end + close.length)
  return { thinking, answer, ended: answer.trim() !== '', cutFrom: hasTag ? 'tag' : 'thinking' }
}

function withoutSolutionTags(answer: string): string {
  const trimmed = answer.trim()
  if (!trimmed.startsWith(solutionTags.open)) return answer
  // One that was cut off has no closing tag.
  if (!trimmed.endsWith(solutionTags.close)) return ''
  return trimmed.slice(solutionTags.open.length, -solutionTags.close.length)
}
