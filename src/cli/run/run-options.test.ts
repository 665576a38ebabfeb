import { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { policyNames, policyOptionTable } from '../../eviction/registry.ts'
import { choosePolicies } from '../options/chosen-policies.ts'
import { addRunOptions, checkRunFlags, requestOf, type RunFlags } from './run-options.ts'

function flags(...args: string[]): RunFlags {
  const command = addRunOptions(new Command('run'))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
  return command.parse(args, { from: 'user' }).opts<RunFlags>()
}
const failure = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error

test('every policy of the registry and every option of one is in the help', () => {
  const help = addRunOptions(new Command('run')).helpInformation().replace(/\s+/g, ' ')
  for (const name of policyNames()) expect(help).toContain(name)
  for (const { flag } of policyOptionTable()) expect(help).toContain(flag)
})

describe('the request', () => {
  test('says only what was given', () => {
    const request = requestOf(flags(), 'why?', undefined, 0)
    expect(request.prompt).toEqual({ messages: [{ role: 'user', content: 'why?' }], enableThinking: true })
    const given = Object.entries(request).filter(([, value]) => value !== undefined)
    expect(Object.fromEntries(given)).toEqual({
      prompt: request.prompt,
      sampling: {},
      seed: 0,
    })
  })
  test.each([['--budget'], ['--ratio'], ['--temperature'], ['--seed'], ['--samples'], ['--threads']])(
    '%s takes a number',
    (flag) => {
      for (const text of ['many', '', '1,5', 'NaN', '0x10', ' 5 ', '+5', '5.', 'Infinity'])
        expect(() => flags(flag, text)).toThrow(/It is not a number/)
    },
  )
  test('takes settings, sampling, stop texts and the system message; a sample has its own seed', () => {
    const given = flags(
      ...[
        '-b',
        '500',
        '--local-window',
        '50',
        '--ratio',
        '0.25',
        '-n',
        '9',
        '--thinking-budget',
        '5',
        '--answer-reserve',
        '3',
        '--stop-loops',
        '--wrap-up',
        'So.',
      ],
      ...['-t', '1', '--top-k', '3', '--top-p', '0.5', '--min-p', '0.1', '--repeat-penalty', '1.1'],
      ...['--repeat-last-n', '8', '--frequency-penalty', '-1', '--presence-penalty', '2'],
      ...['--stop', 'a', '--stop', 'b', '-s', '40', '--system', 'Be brief.', '--no-thinking'],
    )
    expect(requestOf(given, 'q', choosePolicies(['full'], given)[0], 2)).toEqual({
      prompt: {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'q' },
        ],
        enableThinking: false,
      },
      policy: 'full',
      policyOptions: {},
      protect: [],
      budget: 500,
      localWindow: 50,
      ratio: 0.25,
      maxTokens: 9,
      thinkingBudget: 5,
      answerReserve: 3,
      stopLoops: true,
      wrapUp: 'So.',
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

describe('checks before anything is located', () => {
  test.each<[string[], RegExp]>([
    [['--samples', '1.5'], /--samples must be a whole number from 1 to 256, not 1\.5/],
    [['--samples', '257'], /from 1 to 256/],
    [['--max-tokens', '0'], /--max-tokens must be a whole number of at least 1/],
    [['--threads', '0.5'], /--threads/],
    [['--threads', '0'], /--threads must be a whole number from 1 to 512/],
    [['--gpu-layers', '-1'], /--gpu-layers/],
    [['--thinking-budget', '-1'], /--thinking-budget must be a whole number of at least 0/],
    [['--stop', 'a', '--stop', ''], /--stop/],
    [['--gpu', 'off', '--gpu-layers', '5'], /--gpu off and --gpu-layers 5 contradict each other/],
    [['--no-thinking', '--thinking-budget', '5'], /--thinking-budget has no effect with --no-thinking/],
    [['--no-thinking', '--answer-reserve', '5'], /--answer-reserve has no effect with --no-thinking/],
    [['--no-thinking', '--stop-loops'], /--stop-loops has no effect with --no-thinking/],
    [['--answer-reserve', '0'], /--answer-reserve must be a whole number of at least 1/],
    [['--wrap-up', 'So.'], /--wrap-up has no effect without --thinking-budget, --answer-reserve, --stop-loops/],
    [['-t', '0', '--top-p', '0.5'], /--top-p has no effect with --temperature 0/],
    [['--repeat-last-n', '8'], /--repeat-last-n has no effect without --repeat-penalty/],
  ])('%j', (args, message) => {
    expect(() => checkRunFlags(flags(...args))).toThrow(failure('invalid_option', message))
  })
  test.each([
    [['--gpu', 'off', '--gpu-layers', '0']],
    [['-t', '0', '--repeat-penalty', '1.1', '--repeat-last-n', '8']],
    [['--samples', '256', '--seed', String(0xffff_fffe - 255)]],
  ])('%j may be', (args) => checkRunFlags(flags(...args)))
})
