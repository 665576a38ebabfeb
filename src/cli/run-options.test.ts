import { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { policyNames, policyOptionTable } from '../eviction/registry.ts'
import { checkCacheFlags, checkFlags } from './check-flags.ts'
import { addRunOptions, policiesOf, requestOf, type RunFlags } from './run-options.ts'

function flags(...args: string[]): RunFlags {
  const command = addRunOptions(new Command('run'))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
  return command.parse(args, { from: 'user' }).opts<RunFlags>()
}
const failure = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error

describe('policies', () => {
  test('none named: the default', () => {
    expect(policiesOf(flags())).toEqual([undefined])
  })
  test('--policy first, then --compare in order', () => {
    expect(policiesOf(flags('--compare', 'full, window', '-p', 'dynts'))).toEqual(['dynts', 'full', 'window'])
    expect(policiesOf(flags('--compare', 'full'))).toEqual([undefined, 'full'])
  })
  test('every policy of the registry is known, and listed in the help', () => {
    const help = addRunOptions(new Command('run')).helpInformation().replace(/\s+/g, ' ')
    for (const name of policyNames()) {
      expect(policiesOf(flags('--policy', name))).toEqual([name])
      expect(help).toContain(name)
    }
    for (const { flag } of policyOptionTable()) expect(help).toContain(flag)
  })
  test('an unknown one', () => {
    expect(() => policiesOf(flags('--compare', 'full,dints'))).toThrow(failure('unknown_policy', /Did you mean dynts/))
  })
  test('--compare without a name', () => {
    expect(() => flags('--compare', ' , ')).toThrow(/names no policy/)
  })
})

describe('options of single policies', () => {
  test('are refused where no policy has them', () => {
    expect(() => policiesOf(flags('--sinks', '4'))).toThrow(failure('invalid_policy_option', /streaming-llm only/))
    expect(() => policiesOf(flags('--sinks', '4', '--policy', 'full', '--compare', 'window'))).toThrow(
      failure('invalid_policy_option', /--sinks/),
    )
  })
  test('go to the policy that has them and to no other', () => {
    const given = flags('--compare', 'streaming-llm', '--sinks', '7', '--policy', 'window')
    expect(policiesOf(given)).toEqual(['window', 'streaming-llm'])
    expect(requestOf(given, 'q', 'streaming-llm', 0).policyOptions).toEqual({ sinks: 7 })
    expect(requestOf(given, 'q', 'window', 0).policyOptions).toEqual({})
    expect(requestOf(given, 'q', undefined, 0).policyOptions).toEqual({})
  })
  test('have defaults', () => {
    expect(requestOf(flags('-p', 'streaming-llm'), 'q', 'streaming-llm', 0).policyOptions).toEqual({ sinks: 4 })
  })
})

describe('the request', () => {
  test('says only what was given', () => {
    const request = requestOf(flags(), 'why?', undefined, 0)
    expect(request.prompt).toEqual({ messages: [{ role: 'user', content: 'why?' }], enableThinking: true })
    const given = Object.entries(request).filter(([, value]) => value !== undefined)
    expect(Object.fromEntries(given)).toEqual({
      prompt: request.prompt,
      policyOptions: {},
      sampling: {},
      seed: 0,
    })
  })
  test.each([['--budget'], ['--ratio'], ['--temperature'], ['--seed'], ['--samples'], ['--threads']])(
    '%s takes a number',
    (flag) => {
      for (const text of ['many', '', '1,5', 'NaN']) expect(() => flags(flag, text)).toThrow(/It is not a number/)
    },
  )
  test('takes settings, sampling, stop texts and the system message; a sample has its own seed', () => {
    const given = flags(
      ...['-b', '500', '--local-window', '50', '--ratio', '0.25', '-n', '9', '--thinking-budget', '5'],
      ...['-t', '1', '--top-k', '3', '--top-p', '0.5', '--min-p', '0.1', '--repeat-penalty', '1.1'],
      ...['--repeat-last-n', '8', '--frequency-penalty', '-1', '--presence-penalty', '2'],
      ...['--stop', 'a', '--stop', 'b', '-s', '40', '--system', 'Be brief.', '--no-thinking'],
    )
    expect(requestOf(given, 'q', 'full', 2)).toEqual({
      prompt: {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'q' },
        ],
        enableThinking: false,
      },
      policy: 'full',
      policyOptions: {},
      budget: 500,
      localWindow: 50,
      ratio: 0.25,
      maxTokens: 9,
      thinkingBudget: 5,
      sampling: {
        temperature: 1,
        topK: 3,
        topP: 0.5,
        minP: 0.1,
        repeatPenalty: 1.1,
        repeatLastN: 8,
        frequencyPenalty: -1,
        presencePenalty: 2,
      },
      stop: ['a', 'b'],
      seed: 42,
    })
  })
})

describe('checks before a model is loaded', () => {
  test.each<[string[], string, RegExp]>([
    [['--samples', '1.5'], 'invalid_option', /--samples must be a whole number from 1 to 256, not 1\.5/],
    [['--samples', '257'], 'invalid_option', /from 1 to 256/],
    [['--max-tokens', '0'], 'invalid_option', /--max-tokens must be a whole number of at least 1/],
    [['--threads', '0.5'], 'invalid_option', /--threads/],
    [['--threads', '0'], 'invalid_option', /--threads must be a whole number from 1 to 512/],
    [['--gpu-layers', '-1'], 'invalid_option', /--gpu-layers/],
    [['--thinking-budget', '-1'], 'invalid_option', /--thinking-budget must be a whole number of at least 0/],
    [['--top-k', '-1'], 'invalid_sampling', /top-k/],
    [['--min-p', '1'], 'invalid_sampling', /min-p/],
    [['--seed', '4294967290', '--samples', '6'], 'invalid_sampling', /seed .* not 4294967295/],
    [['--temperature', 'Infinity'], 'invalid_sampling', /temperature/],
    [['--stop', 'a', '--stop', ''], 'invalid_option', /--stop/],
    [['-p', 'streaming-llm', '--sinks', '1.5'], 'invalid_policy_option', /--sinks/],
  ])('%j', (args, code, message) => {
    const given = flags(...args)
    expect(() => checkFlags(given, policiesOf(given))).toThrow(failure(code, message))
  })
  test('the largest seed and as many samples as there may be', () => {
    const given = flags('--samples', '256', '--seed', String(0xffff_fffe - 255))
    checkFlags(given, policiesOf(given))
  })

  const check = (predictor: Parameters<typeof checkCacheFlags>[2], ...args: string[]) => {
    const given = flags(...args)
    checkCacheFlags(given, policiesOf(given), predictor)
  }
  test('cache settings, with what the predictor recommends', () => {
    check({}, '--budget', '3')
    expect(() => check({}, '--budget', '2')).toThrow(failure('invalid_budget', /at least 3/))
    check({}, '--budget', '1026', '--local-window', '1024')
    expect(() => check({}, '--budget', '1025', '--local-window', '1024')).toThrow(
      failure('invalid_budget', /at least 1026/),
    )
    check({ budget: 320, localWindow: 32 }, '--budget', '34')
    expect(() => check({ localWindow: 32 }, '--ratio', '1.1')).toThrow(failure('invalid_ratio', /not 1\.1/))
  })
  test('the full cache has no settings', () => {
    check(undefined, '--policy', 'full', '--budget', '1')
    expect(() => check(undefined, '--policy', 'full', '--compare', 'window', '--budget', '1')).toThrow(
      failure('invalid_budget', /--budget/),
    )
  })
  test('policies that need a predictor', () => {
    check(undefined)
    check({}, '--policy', 'dynts')
    expect(() => check(undefined, '--compare', 'full,dynts-bottom')).toThrow(
      failure('missing_predictor', /dynts-bottom/),
    )
  })
})
