/** The items of a response's input, to messages of a chat. */
import { z } from 'zod'
import { ApiError, quoted } from '../api-error.ts'

const mostItems = 4096
const text = z.string('it must be a string')
const part = z.looseObject({ type: text, text: text.nullish() })
const content = z.union([z.string(), z.array(part)], 'it must be a string, or a list of parts')

const item = z.looseObject({
  type: text.nullish(),
  role: text.nullish(),
  content: content.nullish(),
  call_id: text.nullish(),
  name: text.nullish(),
  arguments: text.nullish(),
  output: content.nullish(),
})
type Item = z.infer<typeof item>

export const inputSchema = z.union(
  [z.string(), z.array(item).min(1).max(mostItems)],
  `it must be a text, or a list of 1 to ${mostItems} items`,
)

/** A message as a chat has it. */
type Message = Readonly<Record<string, unknown>> & { readonly role: string }

/** What the assistant said in one turn: its thinking, its text, its calls. */
interface Turn {
  thinking?: string
  text?: string
  readonly calls: object[]
}

/** @throws ApiError `missing_field`, `unsupported_content` */
export function messagesOf(input: z.infer<typeof inputSchema>): Message[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }]
  const messages: Message[] = []
  let turn: Turn = { calls: [] }
  const endTurn = () => {
    const { thinking, text: said, calls } = turn
    turn = { calls: [] }
    // A thinking that led to nothing is not passed on.
    if (said === undefined && calls.length === 0) return
    messages.push({
      role: 'assistant',
      content: said ?? null,
      ...(thinking === undefined ? {} : { reasoning_content: thinking }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    })
  }
  for (const [i, given] of input.entries()) {
    const where = `input.${i}`
    const type = given.type ?? 'message'
    if (type === 'reasoning') {
      if (turn.thinking !== undefined || turn.text !== undefined || turn.calls.length > 0) endTurn()
      const thinking = textOf(given.content ?? [], ['reasoning_text'], `${where}.content`)
      if (thinking !== '') turn.thinking = thinking
    } else if (type === 'message' && given.role === 'assistant') {
      if (turn.text !== undefined || turn.calls.length > 0) endTurn()
      turn.text = textOf(needed(given.content, `${where}.content`), ['output_text', 'text'], `${where}.content`)
    } else if (type === 'function_call') {
      turn.calls.push(callOf(given, where))
    } else {
      endTurn()
      messages.push(type === 'function_call_output' ? toolMessage(given, where) : ownMessage(type, given, where))
    }
  }
  endTurn()
  return messages
}

function ownMessage(type: string, { role, content: given }: Item, where: string): Message {
  if (type !== 'message') {
    const param = `${where}.type`
    throw new ApiError(400, 'unsupported_content', `${param}: ${quoted(type)} is not offered`, { param })
  }
  const at = `${where}.content`
  return { role: needed(role, `${where}.role`), content: textOf(needed(given, at), ['input_text', 'text'], at) }
}

function toolMessage({ call_id: id, output }: Item, where: string): Message {
  const at = `${where}.output`
  const said = textOf(needed(output, at), ['input_text', 'text'], at)
  return { role: 'tool', tool_call_id: needed(id, `${where}.call_id`), content: said }
}

function callOf({ call_id: id, name, arguments: given }: Item, where: string): object {
  const call = { name: needed(name, `${where}.name`), arguments: given ?? '{}' }
  return { id: needed(id, `${where}.call_id`), type: 'function', function: call }
}

function textOf(given: z.infer<typeof content>, types: readonly string[], where: string): string {
  if (typeof given === 'string') return given
  const texts = given.map(({ type, text: own }, i) => {
    const param = `${where}.${i}`
    if (!types.includes(type)) {
      throw new ApiError(400, 'unsupported_content', `${param}: ${quoted(type)} is not offered here`, { param })
    }
    return needed(own, `${param}.text`)
  })
  return texts.join('\n')
}

/** @throws ApiError `missing_field` */
function needed<T>(value: T | null | undefined, param: string): T {
  if (value === null || value === undefined) {
    throw new ApiError(400, 'missing_field', `${param} is missing`, { param })
  }
  return value
}
