import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readEvents } from './sse.ts'

const text = 'data: {"a":"ä€😀"}\n\n: ping\n\nevent: x\r\ndata: one\r\ndata: two\r\n\r\ndata:[DONE]\n\n'

test('the data of each event comes whole, wherever the bytes are cut', async () => {
  const bytes = new TextEncoder().encode(text)
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 })), async (cuts) => {
      const ends = [...cuts.sort((a, b) => a - b), bytes.length]
      const body = async function* () {
        let from = 0
        for (const end of ends) yield await Promise.resolve(bytes.slice(from, (from = end)))
      }
      const seen: string[] = []
      for await (const data of readEvents(body())) seen.push(data)
      expect(seen).toEqual(['{"a":"ä€😀"}', 'one\ntwo', '[DONE]'])
    }),
  )
})
