/** Messages to the text that the model was trained on, with the GGUF's own Jinja template. */
import { Template } from '@huggingface/jinja'
import { InputError } from '../errors.ts'

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

export interface ChatTemplateOptions {
  readonly bosToken: string
  readonly eosToken: string
  /** For templates that can switch thinking off (Qwen3). Default true. */
  readonly enableThinking?: boolean
}

/**
 * Renders a conversation and opens the assistant's turn.
 * @throws InputError `chat_template` if the template refuses the messages
 */
export function renderChat(template: string, messages: readonly ChatMessage[], options: ChatTemplateOptions): string {
  try {
    return new Template(template).render({
      messages: messages.map((message) => ({ ...message })),
      add_generation_prompt: true,
      bos_token: options.bosToken,
      eos_token: options.eosToken,
      enable_thinking: options.enableThinking ?? true,
      tools: null,
    })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new InputError('chat_template', `the model's chat template does not accept these messages: ${reason}`, {
      cause: error,
    })
  }
}

/** Pairs of tags between which models think, the most common first. */
const knownThinkingTags: readonly ThinkingTags[] = [
  { open: '<think>', close: '</think>' },
  { open: '<thought>', close: '</thought>' },
  { open: '<thinking>', close: '</thinking>' },
  { open: '<reasoning>', close: '</reasoning>' },
  { open: '[THINK]', close: '[/THINK]' },
  { open: '<|begin_of_thought|>', close: '<|end_of_thought|>' },
]

export interface ThinkingTags {
  readonly open: string
  readonly close: string
}

/** The tags that a chat template mentions; `<think>` and `</think>` if it mentions none. */
export function findThinkingTags(template: string): ThinkingTags {
  const found = knownThinkingTags.find((tags) => template.includes(tags.open) || template.includes(tags.close))
  return found ?? { open: '<think>', close: '</think>' }
}
