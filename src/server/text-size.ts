/** Texts that cannot fit are refused before they are tokenised, which would stop all streams for that long. */
import { mostPromptCells } from '../cache/budget.ts'
import type { Prompt } from '../engine/types.ts'
import type { ChatMessage } from '../llama/index.ts'
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
  const cells = bound ? mostPromptCells(bound) : (backend.facts?.cells ?? located.info.trainedContext)
  return Math.max(0, Math.min(cells, located.info.trainedContext - 1))
}

/** @throws ApiError `context_length_exceeded` */
export function checkTextSize(prompt: Prompt, state: ServerState): void {
  const cells = Math.min(state.backend.facts?.cells ?? Infinity, state.located.info.trainedContext)
  const limit = Math.min(mostBytes, Math.max(leastBytes, bytesPerToken * cells))
  const bytes =
    'messages' in prompt
      ? prompt.messages.reduce((sum, message) => sum + bytesOf(message), bytesOfJson(prompt.tools))
      : 'text' in prompt
        ? Buffer.byteLength(prompt.text)
        : 0
  if (bytes <= limit) return
  const most = mostPromptTokens(state)
  throw contextExceeded(`more than ${Math.floor(limit / bytesPerToken)}`, most)
}

function bytesOf({ content, tool_calls: calls }: ChatMessage): number {
  return Buffer.byteLength(content) + bytesOfJson(calls)
}

function bytesOfJson(value: readonly unknown[] | undefined): number {
  return value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value))
}
