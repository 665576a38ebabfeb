import OpenAI from 'openai'
import { expect, test } from 'vitest'
import { readCompletion, splitThinking } from './remote-answer.ts'
import { tagsOf } from '../llama/thinking-tags.ts'

const client = new OpenAI({ apiKey: 'none' })

/** A response that ends after these pieces, or never ends. */
function responseOf(pieces: readonly string[], contentType: string, endless = false): Response {
  let next = 0
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces[endless ? 0 : next++]
      if (piece === undefined) controller.close()
      else controller.enqueue(new TextEncoder().encode(piece))
    },
  })
  return new Response(body, { headers: { 'content-type': contentType } })
}

test('a comment that keeps the connection alive is a sign of life', async () => {
  let signs = 0
  const answer = `data: ${JSON.stringify({ choices: [{ delta: { content: 'a' }, finish_reason: 'stop' }] })}\n\n`
  const response = responseOf([': waiting\n\n', ': waiting\n\n', answer, 'data: [DONE]\n\n'], 'text/event-stream')
  const read = await readCompletion(response, { client, maxTokens: 10, onData: () => signs++ })
  expect(read).toEqual({ reasoning: '', content: 'a', finishReason: 'stop' })
  expect(signs).toBe(4)
})

test.each(['application/json', 'text/event-stream'])('%s without end is left', async (contentType) => {
  const endless = responseOf([`: ${'x'.repeat(100_000)}\n`], contentType, true)
  await expect(readCompletion(endless, { client, maxTokens: 10, onData: () => undefined })).rejects.toThrow(
    /it is longer than 1058816 bytes/,
  )
})

test('a failure while it is read stays what it was', async () => {
  const broken = new TypeError('terminated')
  const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(broken) })
  const response = new Response(body, { headers: { 'content-type': 'application/json' } })
  await expect(readCompletion(response, { client, maxTokens: 10, onData: () => undefined })).rejects.toBe(broken)
})

test('tags divide the text where the server does not', () => {
  const tags = tagsOf({ open: '<think>', close: '</think>' })
  const split = (reasoning: string, content: string) =>
    splitThinking({ reasoning, content, finishReason: 'stop' }, tags)
  expect(split('', ' <think>a</think>b</think>')).toEqual({ thinking: 'a', answer: 'b</think>' })
  expect(split('', 'a</think>b')).toEqual({ thinking: 'a', answer: 'b' })
  expect(split('', '<think>a')).toEqual({ thinking: 'a', answer: '' })
  expect(split('', 'b')).toEqual({ thinking: '', answer: 'b' })
  expect(split('a', 'b</think>')).toEqual({ thinking: 'a', answer: 'b</think>' })
})
