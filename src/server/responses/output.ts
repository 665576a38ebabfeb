/** The output of a response, item by item, and the events that show how it comes. */
import { newId } from '../chat/report.ts'
import type { ChoiceCall, TextDelta } from '../chat/choice-text.ts'
import type { LogprobEntry } from '../chat/choice-logprobs.ts'

type Status = 'in_progress' | 'completed' | 'incomplete'
type Fields = Readonly<Record<string, unknown>>

/** Text that comes in pieces. */
interface TextItem {
  readonly kind: 'reasoning' | 'message'
  readonly id: string
  text: string
  readonly logprobs: LogprobEntry[]
  status: Status
}
interface CallItem extends ChoiceCall {
  readonly kind: 'call'
  readonly itemId: string
}
type Item = TextItem | CallItem

/** An event without its number. */
export interface OutputEvent extends Fields {
  readonly type: string
}

export class ResponseOutput {
  readonly #items: Item[] = []
  /** Of tokens whose text has not come yet. */
  #waiting: LogprobEntry[] = []

  /** What the response has as `output`. */
  get items(): Fields[] {
    return this.#items.map(shown)
  }

  /** @param logprobs of the answer's tokens that came with it */
  push({ thinking, content, calls }: TextDelta, logprobs: readonly LogprobEntry[]): OutputEvent[] {
    this.#waiting.push(...logprobs)
    if (calls.length > 0) this.#waiting = []
    return [
      ...(thinking === '' ? [] : this.#write('reasoning', thinking)),
      ...(content === '' ? [] : this.#write('message', content)),
      ...calls.flatMap((call) => this.#call(call)),
    ]
  }

  /** Closes what is open. */
  end(status: 'completed' | 'incomplete'): OutputEvent[] {
    const last = this.#items.at(-1)
    if (!last || last.kind === 'call' || last.status !== 'in_progress') return []
    last.status = status
    if (last.kind === 'message') last.logprobs.push(...this.#waiting.splice(0))
    const place = this.#placeOf(last)
    const part = partOf(last)
    const own = last.kind === 'reasoning' ? 'reasoning_text' : 'output_text'
    const logprobs = last.kind === 'message' ? { logprobs: last.logprobs } : {}
    return [
      { type: `response.${own}.done`, ...place, content_index: 0, text: last.text, ...logprobs },
      { type: 'response.content_part.done', ...place, content_index: 0, part },
      this.#itemEvent('done', last),
    ]
  }

  #write(kind: TextItem['kind'], text: string): OutputEvent[] {
    const events: OutputEvent[] = []
    let item = this.#items.at(-1)
    if (item?.kind !== kind) {
      events.push(...this.end('completed'))
      item = { kind, id: newId(kind === 'reasoning' ? 'rs_' : 'msg_'), text: '', logprobs: [], status: 'in_progress' }
      this.#items.push(item)
      const part = partOf(item)
      const added = { type: 'response.content_part.added', ...this.#placeOf(item), content_index: 0, part }
      events.push({ ...this.#itemEvent('added', item), item: { ...shown(item), content: [] } }, added)
    }
    const logprobs = kind === 'message' ? this.#waiting.splice(0) : []
    item.text += text
    item.logprobs.push(...logprobs)
    const own = kind === 'reasoning' ? 'reasoning_text' : 'output_text'
    const told = kind === 'message' ? { logprobs } : {}
    events.push({ type: `response.${own}.delta`, ...this.#placeOf(item), content_index: 0, delta: text, ...told })
    return events
  }

  #call(call: ChoiceCall): OutputEvent[] {
    const closing = this.end('completed')
    const item: CallItem = { ...call, kind: 'call', itemId: newId('fc_') }
    this.#items.push(item)
    const place = this.#placeOf(item)
    const { name, arguments: given } = call
    return [
      ...closing,
      { ...this.#itemEvent('added', item), item: { ...shown(item), arguments: '', status: 'in_progress' } },
      { type: 'response.function_call_arguments.delta', ...place, delta: given },
      { type: 'response.function_call_arguments.done', ...place, name, arguments: given },
      this.#itemEvent('done', item),
    ]
  }

  #itemEvent(what: 'added' | 'done', item: Item): OutputEvent {
    const { output_index } = this.#placeOf(item)
    return { type: `response.output_item.${what}`, output_index, item: shown(item) }
  }

  #placeOf(item: Item) {
    return { item_id: item.kind === 'call' ? item.itemId : item.id, output_index: this.#items.indexOf(item) }
  }
}

function shown(item: Item): Fields {
  if (item.kind === 'call') {
    const { itemId: id, id: callId, name, arguments: given } = item
    return { type: 'function_call', id, call_id: callId, name, arguments: given, status: 'completed' }
  }
  const { id, status } = item
  const content = [partOf(item)]
  return item.kind === 'reasoning'
    ? { type: 'reasoning', id, summary: [], content, status }
    : { type: 'message', id, role: 'assistant', status, content }
}

function partOf({ kind, text, logprobs }: TextItem): Fields {
  return kind === 'reasoning'
    ? { type: 'reasoning_text', text }
    : { type: 'output_text', text, annotations: [], logprobs: [...logprobs] }
}
