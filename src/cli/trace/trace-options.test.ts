import { Command } from 'commander'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { InputError } from '../../errors.ts'
import {
  addTraceOptions,
  apiKeyOf,
  checkTraceFlags,
  checkTraceSource,
  instructionOf,
  outputOf,
  type TraceFlags,
} from './trace-options.ts'
import { samplingOf } from './trace-sampling.ts'

function parse(...args: string[]): TraceFlags {
  const command = addTraceOptions(new Command().exitOverride())
  return command.parse(['--model', 'tiny', '--questions', 'q.jsonl', ...args], { from: 'user' }).opts<TraceFlags>()
}

function checkSource(args: readonly string[], measures = false): TraceFlags {
  const command = addTraceOptions(new Command().exitOverride()).configureOutput({ writeErr: () => undefined })
  const flags = command.parse(['--model', 'tiny', ...args], { from: 'user' }).opts<TraceFlags>()
  checkTraceSource(flags, command, { measures })
  return flags
}

afterEach(() => vi.unstubAllEnvs())

test('without options: the paper’s settings', () => {
  const flags = parse()
  checkTraceFlags(flags)
  expect(samplingOf(flags)).toEqual({ temperature: 0.6, topP: 0.95, topK: 20, minP: 0 })
  expect(flags).toMatchObject({ samples: 5, maxTokens: 16_384, maxLength: 18_000, resume: true })
  expect(parse('--no-resume').resume).toBe(false)
})

describe('is refused', () => {
  test.each([
    [['--samples', '0'], /--samples must be a whole number from 1 to/],
    [['--limit', '1.5'], /--limit must be a whole number/],
    [['--max-tokens', '0'], /--max-tokens must be/],
    [['--max-length', '1'], /--max-length must be/],
    [['--parallel', '0'], /--parallel must be/],
    [['--retries', '-1'], /--retries must be/],
    [['-t', '-1'], /`temperature` must be/],
    [['--top-p', '0'], /`topP` must be/],
    [['--seed', '-1'], /seed/],
    [['--endpoint-model', 'x'], /--endpoint-model has no effect without --endpoint/],
    [['--api-key-env', 'X'], /--api-key-env has no effect without --endpoint/],
    [['--endpoint', 'nonsense'], /`endpoint` must be an address/],
    [['--endpoint', 'http://x', '--api-key-env', 'NO_SUCH_KEY'], /NO_SUCH_KEY of --api-key-env is not set/],
    [['--endpoint', 'http://x', '--request-timeout', '0'], /--request-timeout must be above 0 and at most 300/],
    [['--endpoint', 'http://x', '--request-timeout', '301'], /--request-timeout must be above 0 and at most 300/],
  ] as const)('%j', (args, message) => {
    const check = () => checkTraceFlags(parse(...args))
    expect(check).toThrow(InputError)
    expect(check).toThrow(message)
  })
})

test('the instruction is a line of its own, or nothing, or the usual one', () => {
  expect(instructionOf(parse())).toBeUndefined()
  expect(instructionOf(parse('--instruction', ' Think. '))).toBe('\nThink.')
  expect(instructionOf(parse('--instruction', ''))).toBe('')
})

test('the API key comes from the environment', () => {
  vi.stubEnv('OPENAI_API_KEY', '')
  vi.stubEnv('MY_KEY', 'mine')
  expect(apiKeyOf(parse())).toBeUndefined()
  expect(apiKeyOf(parse('--api-key-env', 'MY_KEY'))).toBe('mine')
  vi.stubEnv('OPENAI_API_KEY', 'usual')
  expect(apiKeyOf(parse())).toBe('usual')
})

describe('given traces', () => {
  const given = ['--given', 'g.jsonl']

  test('come with their fields, and need no questions', () => {
    expect(checkSource([...given, '--given-fields', 'thinking=a.b,reply=c d']).givenFields).toEqual({
      thinking: 'a.b',
      reply: 'c d',
    })
    expect(checkSource([...given, '--given-fields', 'text=t', '--limit', '2']).givenFields).toEqual({ text: 't' })
  })

  test.each([
    [[], /^give --questions FILE or --task NAME to sample, or --given FILE with traces$/],
    [[...given, '--questions', 'q'], /: only one of these$/],
    [[...given, '--task', 'line'], /: only one of these$/],
    [['--questions', 'q', '--given-fields', 'text=t'], /--given-fields has no effect without --given/],
    // Also if it is the default.
    [[...given, '--samples', '5'], /--samples has no effect with --given/],
    [[...given, '-t', '0'], /--temperature has no effect with --given/],
    [[...given, '--endpoint', 'http://x'], /--endpoint has no effect/],
    [[...given, '--queue', 'redis://x'], /--queue has no effect/],
    [[...given, '--kv-type', 'f16'], /--kv-type has no effect/],
    [[...given, '--seed', '0'], /--seed has no effect/],
    [[...given, '--given-fields', 'cot=a'], /not "cot=a"/],
    [[...given, '--given-fields', 'thinking=a'], /thinking and reply together, or text alone/],
    [[...given, '--given-fields', 'text=a,reply=b'], /thinking and reply together, or text alone/],
    [[...given, '--given-fields', 'text=a,text=b'], /thinking and reply together, or text alone/],
  ] as const)('%j is refused', (args, message) => {
    expect(() => checkSource(args)).toThrow(message)
  })

  test('of the machine and the seed, dynts fit has a use', () => {
    expect(checkSource([...given, '--threads', '2', '--seed', '3'], true)).toMatchObject({ threads: 2, seed: 3 })
    expect(() => checkSource([...given, '--top-k', '2'], true)).toThrow(/--top-k has no effect/)
  })
})

describe('a task', () => {
  test('is asked in its own words, from its file or seed, and names the traces', () => {
    const flags = checkSource(['--task', 'knights', '--generate-seed', '7', '--limit', '3'])
    expect(flags).toMatchObject({ task: 'knights', generateSeed: 7, limit: 3 })
    expect(instructionOf(flags)).toBe('')
    expect(outputOf(flags)).toBe('knights.traces.jsonl')
    expect(checkSource(['--task', 'math500', '--file', 'mine.jsonl', '--id-field', 'key'], true).file).toBe(
      'mine.jsonl',
    )
  })

  test.each([
    [['--questions', 'q', '--task', 'line'], /: only one of these$/],
    [['--task', 'knight'], /Did you mean knights\?/],
    [['--task', 'recall'], /the task recall is replayed: there is nothing to sample/],
    [['--task', 'line', '--instruction', 'Think.'], /--instruction has no effect with --task/],
    [['--task', 'math500', '--generate-seed', '1'], /--generate-seed is for knights, line, chain/],
    [['--task', 'math500', '--question-field', 'a'], /are for a --file/],
    [['--questions', 'q', '--file', 'a'], /--file has no effect without --task/],
    [['--questions', 'q', '--generate-seed', '1'], /--generate-seed has no effect without --task/],
  ] as const)('%j is refused', (args, message) => {
    expect(() => checkSource(args)).toThrow(message)
  })
})
