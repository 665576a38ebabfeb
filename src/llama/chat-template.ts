/** Messages to the text that the model was trained on, with the GGUF's own Jinja template. */
import { InputError } from '../errors.ts'
import { renderJinja, TemplateSyntaxError } from './jinja/render.ts'

export interface ChatMessage {
  /** `tool`: what a function gave that the assistant had called. */
  readonly role: 'system' | 'user' | 'assistant' | 'tool'
  readonly content: string
  /** Of an assistant's message: what it thought, without tags. The template decides what becomes of it; most leave it out. */
  readonly reasoning_content?: string | undefined
  /** Of an assistant's message: the functions that it called. */
  readonly tool_calls?: readonly ToolCall[] | undefined
  /** Of a tool's message: the call that it answers. */
  readonly tool_call_id?: string | undefined
}

/** A call of a function, as templates read it. */
export interface ToolCall {
  readonly id?: string | undefined
  readonly type?: 'function' | undefined
  readonly function: { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> }
}

/** A function that the model may call, in OpenAI's form. */
export interface ToolDefinition {
  readonly type: 'function'
  readonly function: {
    readonly name: string
    readonly description?: string | undefined
    /** JSON schema of its arguments, an object. Default: it has none. */
    readonly parameters?: { readonly [keyword: string]: unknown } | undefined
    readonly [field: string]: unknown
  }
}

export interface ChatTemplateOptions {
  readonly bosToken: string
  readonly eosToken: string
  /** For templates that can switch thinking off (Qwen3). Default true. */
  readonly enableThinking?: boolean
  /** What the template may ask for besides, such as `reasoning_effort`. */
  readonly variables?: TemplateVariables | undefined
  readonly tools?: readonly ToolDefinition[] | undefined
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

/**
 * Whether thinking can be switched off in the template itself.
 * @param variables what it is given besides `enable_thinking`
 */
export function hasThinkingSwitch(template: string, variables?: (thinks: boolean) => TemplateVariables): boolean {
  const messages = [{ role: 'user', content: 'a' }] as const
  const [on, off] = [true, false].map((enableThinking) => {
    try {
      return renderChat(template, messages, {
        bosToken: '',
        eosToken: '',
        enableThinking,
        variables: variables?.(enableThinking),
      })
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
      messages: messages.map((message) => given(message)),
      add_generation_prompt: true,
      bos_token: options.bosToken,
      eos_token: options.eosToken,
      enable_thinking: options.enableThinking ?? true,
      tools: options.tools?.map((tool) => ({ type: tool.type, function: given(tool.function) })) ?? null,
    })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const what = error instanceof TemplateSyntaxError ? 'cannot be read' : 'does not accept these messages'
    throw new InputError(
      'chat_template',
      `the model's chat template ${what}: ${reason}. Another one can be given (\`chatTemplate\`), and what it asks for (\`templateVariables\`).`,
      { cause: error },
    )
  }
}

/** Without what is undefined: a template asks whether a field is there. */
function given(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
