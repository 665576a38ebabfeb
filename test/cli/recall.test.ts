/** `dynts eval --task recall` on the embedded model. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { dynts, refusal, scratch } from './run-dynts.ts'

vi.setConfig({ testTimeout: 240_000 })
const evaluate = (args: readonly string[]) =>
  dynts(['eval', '--task', 'recall', '--offline', '--threads', '1', '--gpu', 'off', ...args], { timeoutMs: 120_000 })
const small = ['--distance', '24,96', '--limit', '6', '--budget', '96', '--local-window', '16', '--ratio', '0.5']

describe('dynts eval --task recall', () => {
  test('has a table by policy and distance, goes on, and is the same in parts', async () => {
    const args = [...small, '--policy', 'full,question-window']
    const whole = await evaluate([...args, '-o', 'whole', '--json'])
    expect({ code: whole.code, stderr: whole.stderr }).toMatchObject({ code: 0 })
    const { recordedNow, settings, summary } = JSON.parse(whole.stdout) as {
      recordedNow: number
      settings: { metrics: string[] }
      summary: { tasks: { configurations: { policy: string; replay: { recall: unknown[] } }[] }[] }
    }
    expect({ recordedNow, metrics: settings.metrics }).toEqual({ recordedNow: 12, metrics: ['replay-loss'] })
    const [full, window] = summary.tasks[0]?.configurations ?? []
    const one = { mean: 1, items: 3, interval: null }
    expect(full).toMatchObject({
      policy: 'full',
      replay: {
        recall: [
          { distance: 24, held: one },
          { distance: 96, held: one },
        ],
      },
    })
    expect(window?.replay.recall).toMatchObject([
      { distance: 24 },
      { distance: 96, held: { mean: 0 }, right: { items: 3 } },
    ])

    const again = await evaluate([...args, '-o', 'whole'])
    expect(again.stderr).toContain('12 of 12 samples are in whole already')
    expect(again.stdout).toMatch(/^\| policy +\| distance \| facts \| cells held \| +right \|/m)
    expect(again.stdout).toMatch(/^\| `question-window` \| +96 \| +3 \| +0\.0 % \|/m)
    for (const part of ['1/2', '2/2'])
      expect(await evaluate([...args, '--shard', part, '-o', `part${part[0] ?? ''}`])).toMatchObject({ code: 0 })
    expect(await dynts(['eval', 'merge', 'part1', 'part2', '-o', 'parts'])).toMatchObject({ code: 0 })
    const tableOf = async (folder: string) => (await dynts(['eval', 'summary', folder])).stdout
    expect(await tableOf('parts')).toBe(await tableOf('whole'))
    const [names = ''] = readFileSync(join(scratch, 'whole/summary.csv'), 'utf8').split('\n')
    expect(names).toContain('recall_24_held,recall_24_held_low')
    expect(names).toContain('recall_96_logprob_to_full')
  })

  test('without anything else it is 200 facts at five distances', async () => {
    const { stdout } = await evaluate(['--dry-run', '--json', '--generate-seed', '3'])
    const { tasks } = JSON.parse(stdout) as { tasks: { source: string; items: { id: string }[] }[] }
    expect(tasks[0]?.source).toBe('generated from seed 3')
    expect(tasks[0]?.items).toHaveLength(200)
    expect(tasks[0]?.items.slice(0, 6).map(({ id }) => id)).toEqual([
      '3-32-0',
      '3-64-0',
      '3-128-0',
      '3-256-0',
      '3-512-0',
      '3-32-1',
    ])
  })

  test.each<[string[], RegExp]>([
    [['--samples', '2'], /^--samples has no effect with --task recall/],
    [['--temperature', '1'], /^--temperature has no effect with --task recall/],
    [['--metric', 'pass'], /^--metric pass is measured on samples/],
    [['--file', 'x.jsonl'], /^--file has no effect with --task recall/],
    [['--distance', '8'], /^--distance/],
    [['--distance', '64,64'], /It names 64 twice/],
    [
      ['--distance', '64,4090'],
      /^A distance of 4090 tokens does not fit: .* 4096 positions, the largest .* is 3\d\d\d\./,
    ],
    [['--task', 'chain,recall'], /^the task recall is replayed, and others are sampled/],
    [['--task', 'chain', '--distance', '64'], /^--distance has no effect without --task recall/],
  ])('%j is refused', async (args, message) => {
    expect(refusal(await evaluate([...args, '-o', 'none']))).toMatch(message)
  })
})
