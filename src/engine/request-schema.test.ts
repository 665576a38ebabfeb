import { describe, expect, test } from 'vitest'
import { checkCompletion, checkPrompt, checkRequest } from './request-schema.ts'
import type { GenerateRequest } from './types.ts'

const prompt = { text: 'a' }
const messages = [{ role: 'user', content: 'a' }]
const check = (request: unknown) => () => checkRequest(request as GenerateRequest)
const forms = 'prompt must be { messages: [{ role, content }] }, { text } or { tokens }'

test('requests of the right form pass', () => {
  expect(check({ prompt })).not.toThrow()
  expect(check({ prompt: { tokens: [1] }, budget: undefined, replay: [2], stop: [] })).not.toThrow()
  expect(check({ prompt: { messages }, sampling: { temperature: 0, topK: undefined } })).not.toThrow()
})

test('undefined means not given', () => {
  const request = { prompt: { text: undefined, tokens: [1], messages: undefined } }
  expect(checkRequest(request as unknown as GenerateRequest)).toEqual({ prompt: { tokens: [1] } })
  const every = [
    'policy',
    'policyHash',
    'policyOptions',
    'protect',
    'budget',
    'localWindow',
    'ratio',
    'evictEvery',
    'sampling',
  ]
  const others = ['seed', 'maxTokens', 'thinkingBudget', 'stop', 'replay']
  const nothing = Object.fromEntries([...every, ...others].map((key) => [key, undefined]))
  expect(check({ prompt, ...nothing })).not.toThrow()
  expect(checkPrompt({ messages, enableThinking: undefined })).toEqual({ messages })
})

describe('wrong requests', () => {
  test.each<[unknown, string]>([
    [undefined, 'the request: it must be an object'],
    [null, 'the request: it must be an object'],
    ['why?', 'the request: it must be an object'],
    [[], 'the request: it must be an object'],
    [{ prompt, maxToken: 5 }, 'the request: there is no field "maxToken". Did you mean maxTokens?'],
    [{ prompt, max_tokens: 5 }, 'the request: there is no field "max_tokens". Did you mean maxTokens?'],
    [{ prompt, Budget: 300 }, 'the request: there is no field "Budget". Did you mean budget?'],
    [{ prompt, protects: ['question'] }, 'the request: there is no field "protects". Did you mean protect?'],
    [
      { prompt, temperature: 0 },
      'the request: there is no field "temperature". Fields: prompt, policy, policyHash, policyOptions, protect, budget, ' +
        'localWindow, ratio, evictEvery, segments, valueReserve, sampling, seed, maxTokens, thinkingBudget, answerReserve, stopLoops, wrapUp, stop, promptReuse, promptScope, promptEviction, logprobs, promptLogprobs, promptProgress, ignoreEos, evictionScores, logitBias, answerSchema, answerCalls, replay.',
    ],
    [{ prompt, sampling: { temp: 0 } }, 'sampling: there is no field "temp". Did you mean temperature?'],
    [{ prompt, sampling: { temprature: 0 } }, 'sampling: there is no field "temprature". Did you mean temperature?'],
    [{ prompt, sampling: { top_p: 1 } }, 'sampling: there is no field "top_p". Did you mean topP?'],
    [{ prompt, sampling: { topK: '20' } }, 'sampling.topK: it must be a number'],
    [{ prompt, sampling: { topK: null } }, 'sampling.topK: it must be a number'],
    [{ prompt, sampling: { temperature: NaN } }, 'sampling.temperature: it must be a number'],
    [{ prompt, sampling: [] }, 'sampling: it must be an object'],
    [{ prompt, sampling: null }, 'sampling: it must be an object'],
    [{ prompt, budget: '300' }, 'budget: it must be a number'],
    [{ prompt, budget: null }, 'budget: it must be a number'],
    [{ prompt, policy: 'full', budget: NaN }, 'budget: it must be a number'],
    [{ prompt, localWindow: [] }, 'localWindow: it must be a number'],
    [{ prompt, ratio: Infinity }, 'ratio: it must be a number'],
    [{ prompt, seed: new Date(0) }, 'seed: it must be a number'],
    [{ prompt, maxTokens: {} }, 'maxTokens: it must be a number'],
    [{ prompt, thinkingBudget: false }, 'thinkingBudget: it must be a number'],
    [{ prompt, answerReserve: '5' }, 'answerReserve: it must be a number'],
    [{ prompt, stopLoops: 1 }, 'stopLoops: it must be true or false'],
    [{ prompt, wrapUp: 1 }, 'wrapUp: it must be a string'],
    [{ prompt, policy: 5 }, 'policy: it must be a string'],
    [{ prompt, policy: null }, 'policy: it must be a string'],
    [{ prompt, policyHash: 5 }, 'policyHash: it must be a string'],
    [{ prompt, policyOptions: 'sinks' }, 'policyOptions: it must be an object'],
    [{ prompt, policyOptions: null }, 'policyOptions: it must be an object'],
    [{ prompt, policyOptions: [] }, 'policyOptions: it must be an object'],
    [{ prompt, protect: 'question' }, 'protect: it must be an array'],
    [{ prompt, stop: 'x' }, 'stop: it must be an array'],
    [{ prompt, stop: ['x', 5] }, 'stop.1: it must be a string'],
    [{ prompt, stop: [''] }, 'stop.0: it must not be empty'],
    [{ prompt, replay: 5 }, 'replay: it must be a string or an array of tokens'],
    [{ prompt, replay: [1, '2'] }, 'replay: it must be a string or an array of tokens'],
    [{}, forms],
    [{ prompt: null }, forms],
    [{ prompt: 'a' }, forms],
    [{ prompt: {} }, forms],
    [{ prompt: [] }, forms],
    [{ prompt: { txt: 'a' } }, forms],
    [{ prompt: { text: 'a', tokens: [1] } }, forms],
    [{ prompt: { text: 5 } }, 'prompt.text: it must be a string'],
    [{ prompt: { text: null } }, 'prompt.text: it must be a string'],
    [{ prompt: { text: 'a', enableThinking: false } }, 'prompt: there is no field "enableThinking". Fields: text.'],
    [{ prompt: { tokens: 'a' } }, 'prompt.tokens: it must be an array'],
    [{ prompt: { tokens: [1, null] } }, 'prompt.tokens.1: it must be a number'],
    [{ prompt: { messages: 'a' } }, 'prompt.messages: it must be an array'],
    [{ prompt: { messages: ['a'] } }, 'prompt.messages.0: it must be an object'],
    [
      { prompt: { messages, enablethinking: false } },
      'prompt: there is no field "enablethinking". Did you mean enableThinking?',
    ],
    [{ prompt: { messages, enableThinking: 'no' } }, 'prompt.enableThinking: it must be true or false'],
    [{ prompt: { messages: [{ role: 'user' }] } }, 'prompt.messages.0.content: it must be a string'],
    [
      { prompt: { messages: [{ role: 'robot', content: '' }] } },
      'prompt.messages.0.role: it must be one of system, user, assistant, tool',
    ],
    [
      { prompt: { messages: [{ role: 'user', contents: 'a' }] } },
      'prompt.messages.0: there is no field "contents". Did you mean content?',
    ],
    [
      { prompt: { messages: [{ role: 'user', content: 'a', nme: 'b' }] } },
      'prompt.messages.0: there is no field "nme". Fields: role, content, reasoning_content, tool_calls, tool_call_id.',
    ],
  ])('%j', (request, message) => {
    expect(check(request)).toThrow(expect.objectContaining({ name: 'InputError', code: 'invalid_request', message }))
  })
})

test.each<[unknown, string]>([
  [5, 'completion: it must be an object'],
  [null, 'completion: it must be an object'],
  [[1, 'a'], 'completion.1: it must be a number'],
  [{ thinking: 'a', answer: 'b' }, 'completion.ended: it must be true or false'],
  [{ thinking: 'a', answer: 'b', ended: true, end: 1 }, 'completion: there is no field "end". Did you mean ended?'],
])('the completion %j is refused', (completion, message) => {
  expect(() => checkCompletion(completion)).toThrow(
    expect.objectContaining({ name: 'InputError', code: 'invalid_request', message }),
  )
})
