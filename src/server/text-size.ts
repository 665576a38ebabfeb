/** Texts that cannot fit are refused before they are tokenised, which would stop all streams for that long. */
import { mostPromptCells, roomyBudget } from '../cache/budget.ts'
import type { Prompt } from '../engine/types.ts'
import type { ChatMessage, TemplateFacts } from '../llama/index.ts'
import { contextExceeded } from './api-error.ts'
import type { ServerState } from './server-state.ts'

const bytesPerToken = 16
const [leastBytes, mostBytes] = [64 * 1024, 1024 * 1024]

/** The longest prompt that the server's default settings take, in tokens. */
export function mostPromptTokens({
  settings,
  located,
  backend,
}: Pick<ServerState, 'settings' | 'located' | 'backend'>): number {
  const { bound } = settings
  const slot = backend.facts?.cells ?? (bound ? 0 : located.info.trainedContext)
  // The budget grows with the prompt as far as the slot has room.
  const cells = bound ? Math.max(mostPromptCells(bound), slot - roomyBudget(bound, 0)) : slot
  return Math.max(0, Math.min(cells, located.info.trainedContext - 1))
}

/** @throws ApiError `context_length_exceeded` */
export function checkTextSize(prompt: Prompt, state: Pick<ServerState, 'settings' | 'located' | 'backend'>): void {
  const { template } = state.settings
  const cells = Math.min(state.backend.facts?.cells ?? Infinity, state.located.info.trainedContext)
  const usual = Math.min(mostBytes, Math.max(leastBytes, bytesPerToken * cells))
  const limit = state.settings.mostTextBytes ?? usual
  const bytes =
    'messages' in prompt
      ? prompt.messages.reduce((sum, message) => sum + bytesOf(message, template), bytesOfJson(prompt.tools)) +
        Buffer.byteLength(`${prompt.begun?.thinking ?? ''}${prompt.begun?.answer ?? ''}`)
      : 'text' in prompt
        ? Buffer.byteLength(prompt.text)
        : prompt.tokens.length
  if (bytes <= limit) return
  const most = mostPromptTokens(state)
  throw contextExceeded(`more than ${Math.floor(limit / bytesPerToken)}`, most, {
    remedy: 'start the server with a larger --cells, or a larger --max-text',
  })
}

/** Earlier thinking counts where the template shows it to the model. */
function bytesOf(
  { content, tool_calls: calls, reasoning_content: thinking = '' }: ChatMessage,
  { showsEarlierThinking }: TemplateFacts,
): number {
  return Buffer.byteLength(content) + bytesOfJson(calls) + (showsEarlierThinking ? Buffer.byteLength(thinking) : 0)
}

function bytesOfJson(value: readonly unknown[] | undefined): number {
  return value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value))
}
