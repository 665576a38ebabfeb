/** What a chat template does with what it is given, by trying it. */
import { hasThinkingSwitch, renderChat, type ChatMessage } from './chat-template.ts'

export interface TemplateFacts {
  /** Whether thinking can be switched off in it, by `enable_thinking` or `thinking`. */
  readonly hasThinkingSwitch: boolean
  /** Whether the model is shown what system messages say. */
  readonly showsSystem: boolean
  /** Whether the model is shown what it thought in earlier turns. */
  readonly showsEarlierThinking: boolean
}

const sought = 'text-that-no-template-has'
const question: ChatMessage = { role: 'user', content: 'a' }

/** @param template undefined: messages are joined as they are */
export function templateFacts(template: string | undefined): TemplateFacts {
  if (template === undefined) return { hasThinkingSwitch: false, showsSystem: true, showsEarlierThinking: false }
  return {
    hasThinkingSwitch: hasThinkingSwitch(template, (thinking) => ({ thinking })),
    showsSystem: shows(template, [{ role: 'system', content: sought }, question]),
    showsEarlierThinking: shows(template, [
      question,
      { role: 'assistant', content: 'b', reasoning_content: sought },
      question,
    ]),
  }
}

function shows(template: string, messages: readonly ChatMessage[]): boolean {
  try {
    return renderChat(template, messages, { bosToken: '', eosToken: '' }).includes(sought)
  } catch {
    return false
  }
}
