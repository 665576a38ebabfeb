/** What `dynts run` says of the thinking when it has ended. */
import type { GenerateResult } from '../../engine/types.ts'
import { thinkingFlags, type RunFlags } from './run-options.ts'

/** Lines for people; empty: there is nothing to say. */
export function thinkingNotes(
  results: readonly Pick<GenerateResult, 'thinkingEnd' | 'finishReason'>[],
  flags: RunFlags,
): string[] {
  const of = (count: number) => (results.length === 1 ? '' : ` (${count} of ${results.length})`)
  const count = (is: (result: (typeof results)[number]) => boolean) => results.filter(is).length
  const notes: string[] = []
  const cut = count((result) => result.thinkingEnd === 'unclosed' && result.finishReason === 'length')
  if (cut > 0) {
    const advice =
      flags.answerReserve === undefined ? ': --answer-reserve N keeps room for one, --max-tokens gives more' : ''
    notes.push(`The thinking was never closed, so there is no answer${of(cut)}${advice}.`)
  }
  const ended = count((result) => result.thinkingEnd === 'unclosed' && result.finishReason === 'stop')
  if (ended > 0) notes.push(`The model ended within its thinking, so there is no answer${of(ended)}.`)
  const given = Object.entries(thinkingFlags(flags)).find(([, value]) => value !== undefined)?.[0]
  const thoughtless = count((result) => result.thinkingEnd === null && result.finishReason !== 'cancelled')
  if (given !== undefined && thoughtless > 0) {
    notes.push(
      `The model did not think, so ${given} had no effect${of(thoughtless)}. If its thinking has other tags, give --thinking-tags.`,
    )
  }
  const closedBy: Readonly<Record<string, string>> = {
    'thinking-budget': '--thinking-budget',
    'answer-reserve': '--answer-reserve',
    loop: '--stop-loops',
  }
  for (const [end, flag] of Object.entries(closedBy)) {
    const closed = count((result) => result.thinkingEnd === end)
    if (closed > 0) notes.push(`The thinking was closed by ${flag}${of(closed)}.`)
  }
  return notes
}
