/** A response in OpenAI's form, whole and as events. */
import type { GenerateEvent } from '../../engine/types.ts'
import type { ApiError } from '../api-error.ts'
import { ChoiceLogprobs } from '../chat/choice-logprobs.ts'
import { ChoiceText } from '../chat/choice-text.ts'
import type { AnswerHead, AnswerSettings } from '../chat/completion.ts'
import { cachesOf, timingsOf, usageOf, type Finished } from '../chat/report.ts'
import type { ReadRequest } from '../chat/request.ts'
import { ResponseOutput, type OutputEvent } from './output.ts'
import type { GivenResponse } from './request.ts'

type Fields = Readonly<Record<string, unknown>>

export class ResponseAnswer {
  readonly #settings: AnswerSettings
  readonly #request: ReadRequest
  readonly #given: GivenResponse
  readonly #head: AnswerHead
  #text: ChoiceText
  #logprobs = new ChoiceLogprobs()
  #output = new ResponseOutput()
  #count = 0

  constructor(settings: AnswerSettings, request: ReadRequest, given: GivenResponse, head: AnswerHead) {
    this.#settings = settings
    this.#request = request
    this.#given = given
    this.#head = head
    this.#text = new ChoiceText(request, settings.tags)
  }

  begin(): Fields[] {
    const response = this.#response('in_progress')
    return this.#numbered([
      { type: 'response.created', response },
      { type: 'response.in_progress', response },
    ])
  }

  onEvent(_choice: number, event: GenerateEvent): Fields[] {
    const delta = this.#text.push(event)
    const logprobs = this.#logprobs.push(event)?.content ?? []
    return this.#numbered(this.#output.push(delta, logprobs))
  }

  restart(): void {
    this.#text = new ChoiceText(this.#request, this.#settings.tags)
    this.#logprobs = new ChoiceLogprobs()
    this.#output = new ResponseOutput()
  }

  end(finished: readonly Finished[]): Fields[] {
    const status = statusOf(finished)
    const closing = this.#output.end(status)
    return this.#numbered([...closing, { type: `response.${status}`, response: this.#ended(finished) }])
  }

  fail({ code, message }: ApiError): Fields[] {
    const closing = this.#output.end('incomplete')
    const response = { ...this.#response('failed'), error: { code, message } }
    return this.#numbered([...closing, { type: 'response.failed', response }])
  }

  whole(finished: readonly Finished[]): Fields {
    this.#output.end(statusOf(finished))
    return this.#ended(finished)
  }

  #ended(finished: readonly Finished[]): Fields {
    const { prompt_tokens, completion_tokens, total_tokens, ...details } = usageOf(finished, 1)
    const { schemaNotEnforced: pointers } = this.#request
    return {
      ...this.#response(statusOf(finished)),
      usage: {
        input_tokens: prompt_tokens,
        input_tokens_details: details.prompt_tokens_details,
        output_tokens: completion_tokens,
        output_tokens_details: details.completion_tokens_details,
        total_tokens,
      },
      timings: timingsOf(finished, 1),
      dynts: { ...cachesOf(finished), ...(pointers.length > 0 ? { schema_not_enforced: pointers } : {}) },
    }
  }

  #response(status: 'in_progress' | 'completed' | 'incomplete' | 'failed'): Fields {
    const { instructions, max_output_tokens, reasoning, text, tools, tool_choice, ...given } = this.#given
    const [generation] = this.#request.generations
    return {
      id: this.#head.id,
      object: 'response',
      created_at: this.#head.created,
      status,
      background: false,
      error: null,
      incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
      instructions: instructions ?? null,
      max_output_tokens: max_output_tokens ?? null,
      model: this.#settings.model,
      output: this.#output.items,
      parallel_tool_calls: given.parallel_tool_calls ?? true,
      previous_response_id: null,
      reasoning: { effort: reasoning?.effort ?? null, summary: null },
      store: false,
      temperature: generation?.sampling?.temperature ?? null,
      text: { format: text?.format ?? { type: 'text' } },
      tool_choice: tool_choice ?? 'auto',
      tools: tools ?? [],
      top_p: generation?.sampling?.topP ?? null,
      truncation: 'disabled',
      usage: null,
      metadata: given.metadata ?? {},
    }
  }

  #numbered(events: readonly OutputEvent[]): Fields[] {
    return events.map(({ type, ...fields }) => ({ type, sequence_number: this.#count++, ...fields }))
  }
}

function statusOf([end]: readonly Finished[]): 'completed' | 'incomplete' {
  return end?.result.finishReason === 'length' ? 'incomplete' : 'completed'
}
