import { expect, test } from 'vitest'
import { noText } from '../chat/choice-text.ts'
import type { LogprobEntry } from '../chat/choice-logprobs.ts'
import { ResponseOutput } from './output.ts'

const entry = (token: string): LogprobEntry => ({ id: 1, token, bytes: [], logprob: -1, top_logprobs: [] })
const call = { index: 0, id: 'call_1', name: 'f', arguments: '{}' }

test('items and their events, in order', () => {
  const output = new ResponseOutput()
  const events = [
    ...output.push({ ...noText, thinking: 'a' }, []),
    ...output.push({ ...noText, thinking: 'b' }, []),
    ...output.push({ ...noText, content: 'c' }, [entry('c')]),
    ...output.push({ ...noText, calls: [call] }, []),
    ...output.push({ ...noText, content: 'd' }, []),
    ...output.end('incomplete'),
    ...output.end('incomplete'),
  ]
  const short = events.map(({ type, output_index }) => `${type.replace('response.', '')} ${String(output_index)}`)
  expect(short).toEqual([
    ...['output_item.added 0', 'content_part.added 0', 'reasoning_text.delta 0', 'reasoning_text.delta 0'],
    ...['reasoning_text.done 0', 'content_part.done 0', 'output_item.done 0'],
    ...['output_item.added 1', 'content_part.added 1', 'output_text.delta 1'],
    ...['output_text.done 1', 'content_part.done 1', 'output_item.done 1'],
    ...[
      'output_item.added 2',
      'function_call_arguments.delta 2',
      'function_call_arguments.done 2',
      'output_item.done 2',
    ],
    ...['output_item.added 3', 'content_part.added 3', 'output_text.delta 3'],
    ...['output_text.done 3', 'content_part.done 3', 'output_item.done 3'],
  ])
  expect(output.items).toMatchObject([
    { type: 'reasoning', status: 'completed', content: [{ text: 'ab' }] },
    { type: 'message', status: 'completed', content: [{ text: 'c', logprobs: [{ token: 'c' }] }] },
    { type: 'function_call', status: 'completed', call_id: 'call_1', name: 'f', arguments: '{}' },
    { type: 'message', status: 'incomplete', content: [{ text: 'd' }] },
  ])
  const done = events.filter(({ type }) => type === 'response.output_item.done').map(({ item }) => item)
  expect(done).toEqual(output.items)
  expect(events[0]).toMatchObject({ item: { status: 'in_progress', content: [] } })
})

test('each log-probability comes once, also of tokens whose text comes later or never', () => {
  const output = new ResponseOutput()
  const events = [
    ...output.push({ ...noText, content: 'a' }, [entry('a')]),
    ...output.push(noText, [entry(' ')]),
    ...output.push({ ...noText, content: ' b' }, [entry('b')]),
    ...output.push(noText, [entry('\n')]),
    ...output.end('completed'),
  ]
  const told = events.flatMap(({ type, logprobs }) =>
    type === 'response.output_text.delta' ? [(logprobs as LogprobEntry[]).map(({ token }) => token)] : [],
  )
  expect(told).toEqual([['a'], [' ', 'b']])
  const [item] = output.items as { content: { logprobs: LogprobEntry[] }[] }[]
  expect(item!.content[0]!.logprobs.map(({ token }) => token)).toEqual(['a', ' ', 'b', '\n'])
})
