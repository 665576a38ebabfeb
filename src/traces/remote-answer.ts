/**
 * What an OpenAI-compatible server answers: thinking, answer and how it ended, from a stream of events or from one JSON
 * object. Sends nothing.
 */
import type OpenAI from 'openai'
import { Stream } from 'openai/core/streaming'
import { z } from 'zod'
import type { ThinkingTags } from '../llama/index.ts'
import { PassingFailure } from '../back-off.ts'

/** A completion as the server split it. */
export interface RemoteAnswer {
  /** From `reasoning_content` or `reasoning`; empty: the server does not split. */
  readonly reasoning: string
  readonly content: string
  /** `stop`: the model ended it. */
  readonly finishReason: string
}

const part = z.object({
  content: z.string().nullish(),
  reasoning_content: z.string().nullish(),
  reasoning: z.string().nullish(),
})
/** Of a stream every choice has a `delta`, else it has a `message`. */
const choice = z.object({ delta: part.nullish(), message: part.nullish(), finish_reason: z.string().nullish() })
const completion = z.object({ choices: z.array(choice).nullish() })

/** A server that does not know what it says is not asked often. */
const nonsense = (problem: string, cause?: unknown) =>
  new PassingFailure(`the answer is not that of an OpenAI-compatible server: ${problem}`, {
    cause,
    mostRetries: 2,
    isAnswer: true,
  })

export interface ReadOptions {
  readonly client: OpenAI
  /** The most tokens that were asked for; a server that goes on and on is left. */
  readonly maxTokens: number
  /** Called with whatever arrives, also if it says nothing: servers send comments to keep a connection alive. */
  readonly onData: () => void
}

/** No token of a real vocabulary stands for more characters on average. */
const charactersPerToken = 64
/** An event with one token takes a few hundred; what is not a stream takes less. */
const bytesPerToken = 1024
const bytesBesides = 2 ** 20

/**
 * Reads a response to the end, whether or not the server streams.
 * @throws PassingFailure for an answer that is cut off or makes no sense; what the client throws for an error in a stream
 */
export async function readCompletion(
  response: Response,
  { client, maxTokens, onData }: ReadOptions,
): Promise<RemoteAnswer> {
  const answer = { reasoning: '', content: '', finishReason: '' }
  const most = maxTokens * charactersPerToken
  let choices = 0
  for await (const piece of pieces(watched(response, maxTokens, onData), client)) {
    const parsed = completion.safeParse(piece)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      throw nonsense(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
    }
    for (const { delta, message, finish_reason } of (parsed.data.choices ?? []).slice(0, 1)) {
      choices++
      const given = delta ?? message
      // Some servers send both, with the same text.
      answer.reasoning += given?.reasoning_content ?? given?.reasoning ?? ''
      answer.content += given?.content ?? ''
      answer.finishReason = finish_reason ?? answer.finishReason
    }
    if (answer.reasoning.length + answer.content.length > most) throw nonsense(`it is longer than ${most} characters`)
  }
  if (choices === 0) throw nonsense('it has no choices')
  if (answer.finishReason === '') throw new PassingFailure('the answer was cut off: it has no finish_reason')
  return answer
}

/** The same response, whose bytes are noticed, and too many of which are an error. */
function watched(response: Response, maxTokens: number, onData: () => void): Response {
  const most = bytesBesides + maxTokens * bytesPerToken
  let bytes = 0
  const watch = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      onData()
      bytes += chunk.length
      if (bytes > most) throw nonsense(`it is longer than ${most} bytes`)
      controller.enqueue(chunk)
    },
  })
  return new Response(response.body?.pipeThrough(watch), { headers: response.headers })
}

/** @throws PassingFailure for text that is not JSON; what `fetch` throws for a connection that breaks */
async function* pieces(response: Response, client: OpenAI): AsyncGenerator<unknown, void, undefined> {
  const isStream = response.headers.get('content-type')?.includes('text/event-stream') === true
  try {
    if (isStream) yield* Stream.fromSSEResponse<unknown>(response, new AbortController(), client)
    else yield JSON.parse(await response.text())
  } catch (error) {
    if (error instanceof SyntaxError) throw nonsense('it is not JSON', error)
    throw error
  }
}

/**
 * Thinking and answer without tags. Where the server does not split them, the tags in the text do; an opening tag may be
 * missing, because templates write it.
 */
export function splitThinking(
  { reasoning, content }: RemoteAnswer,
  tags: ThinkingTags,
): { thinking: string; answer: string } {
  if (reasoning.trim() !== '') return { thinking: reasoning, answer: content }
  const begun = content.trimStart()
  const isOpened = begun.startsWith(tags.open)
  const text = isOpened ? begun.slice(tags.open.length) : content
  const end = text.indexOf(tags.close)
  if (end >= 0) return { thinking: text.slice(0, end), answer: text.slice(end + tags.close.length) }
  return isOpened ? { thinking: text, answer: '' } : { thinking: '', answer: content }
}
