/** Messages to the text that the model was trained on, with the GGUF's own Jinja template. */
import { InputError } from '../errors.ts'
import { renderJinja, TemplateSyntaxError } from './jinja/render.ts'

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
  /** Of an assistant's message: what it thought, without tags. The template decides what becomes of it; most leave it out. */
  readonly reasoning_content?: string | undefined
}

export interface ChatTemplateOptions {
  readonly bosToken: string
  readonly eosToken: string
  /** For templates that can switch thinking off (Qwen3). Default true. */
  readonly enableThinking?: boolean
  /** What the template may ask for besides, such as `reasoning_effort`. */
  readonly variables?: TemplateVariables | undefined
}

/** By name; plain values. */
export type TemplateVariables = Readonly<Record<string, unknown>>

/** What dynts gives to every template itself. */
export const ownTemplateVariables = [
  'messages',
  'add_generation_prompt',
  'bos_token',
  'eos_token',
  'enable_thinking',
  'tools',
] as const

/** Whether thinking can be switched off in the template itself. */
export function hasThinkingSwitch(template: string): boolean {
  const messages = [{ role: 'user', content: 'a' }] as const
  const [on, off] = [true, false].map((enableThinking) => {
    try {
      return renderChat(template, messages, { bosToken: '', eosToken: '', enableThinking })
    } catch {
      return undefined
    }
  })
  return on !== off
}

/**
 * Renders a conversation and opens the assistant's turn.
 * @throws InputError `chat_template` if the template refuses the messages
 */
export function renderChat(template: string, messages: readonly ChatMessage[], options: ChatTemplateOptions): string {
  try {
    return renderJinja(template, {
      documents: null,
      ...options.variables,
      messages: messages.map((message) => ({ ...message })),
      add_generation_prompt: true,
      bos_token: options.bosToken,
      eos_token: options.eosToken,
      enable_thinking: options.enableThinking ?? true,
      tools: null,
    })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const what = error instanceof TemplateSyntaxError ? 'cannot be read' : 'does not accept these messages'
    throw new InputError(
      'chat_template',
      `the model's chat template ${what}: ${reason}. Another one can be given (--chat-template), and what it asks for (--template-var).`,
      { cause: error },
    )
  }
}
