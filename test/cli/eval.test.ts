/**
 * `dynts eval`, `dynts eval summary` and `dynts eval merge` on the embedded model: what a kill cannot spoil, what shards add up
 * to, what is said and what is refused.
 */
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { refusalHere } from './refusal-of.ts'
import { dynts, refusal, scratch, type RunSettings } from './run-dynts.ts'

// Only against a hang: a busy machine takes many times what an idle one takes.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 })

const at = (name: string) => join(scratch, name)
const file = at('short.jsonl')
const problems = [1, 2, 3, 4].map((seed) => ({ id: `p${seed}`, ...generateChainProblem(seed, { people: 4 }) }))
writeFileSync(file, problems.map((problem) => `${JSON.stringify(problem)}\n`).join(''))

const defaults = { '--budget': '128', '--max-tokens': '160', '--threads': '1', '--parallel': '1' }
const settingsBeside = (args: readonly string[]) => [
  '--offline',
  ...Object.entries(defaults).flatMap(([name, value]) => (args.includes(name) ? [] : [name, value])),
]
const policies = ['--policy', 'full,dynts,window', '--metric', 'pass,replay-loss']
const evaluate = (args: readonly string[], run: RunSettings = {}) =>
  dynts(['eval', '--task', 'chain', '--file', file, ...settingsBeside(args), ...args], { timeoutMs: 100_000, ...run })

interface Line {
  readonly policy: string
  readonly item: string
  readonly kind: string
  readonly settings: { readonly budget: number | null }
}
/** Records without what differs from run to run. */
function recordsOf(folder: string): Line[] {
  const lines = readFileSync(at(`${folder}/records.jsonl`), 'utf8')
    .trimEnd()
    .split('\n')
  return lines.map((line) => {
    const record = JSON.parse(line) as Line & Record<string, unknown>
    return { ...record, wallMs: 0, forwardMs: 0, evictionMs: 0, at: '' }
  })
}
const sorted = (records: Line[]) => records.map((record) => JSON.stringify(record)).sort()

/** The process sends itself a signal in the middle of the n-th record that it writes. */
const signalAt = (record: number, signal: NodeJS.Signals) => ({
  NODE_OPTIONS: `--import ${new URL('../support/signal-at-record.js', import.meta.url).href}`,
  SIGNAL_AT: String(record),
  SIGNAL: signal,
})

let whole: Awaited<ReturnType<typeof dynts>>
beforeAll(async () => {
  whole = await evaluate([...policies, '-o', at('whole')])
})

describe('dynts eval', () => {
  test('says what it will do, records every sample, and prints the tables', () => {
    const { code, stdout, stderr } = whole
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toMatch(
      /^chain \(short\.jsonl\): temperature 0\.6, top-p 0\.95, top-k 20, at most 160 tokens, up to 1 at/m,
    )
    expect(stderr).toMatch(/^ {2}dynts B 128 W_l 32 ratio 0\.5: 4 items$/m)
    expect(stdout).toMatch(/^chain \(short\.jsonl\): B 128, W_l 32, ratio 0\.5;/m)
    expect(stdout.match(/^\| `(full|dynts|window)`/gm)).toHaveLength(9)
    const records = recordsOf('whole')
    expect(records.filter(({ kind }) => kind === 'sample').map(({ policy, item }) => `${policy} ${item}`)).toEqual(
      ['full', 'dynts', 'window'].flatMap((policy) => problems.map(({ id }) => `${policy} ${id}`)),
    )
    for (const name of ['plan.json', 'summary.csv', 'summary.json']) expect(existsSync(at(`whole/${name}`))).toBe(true)
  })

  test('killed at any moment and run again, it leaves the records of an unbroken run', async () => {
    const output = [...policies, '-o', at('broken')]
    const path = at('broken/records.jsonl')
    let written = 0
    for (const more of [2, 7, 6]) {
      expect(await evaluate(output, { env: signalAt(more, 'SIGKILL') })).toMatchObject({ signal: 'SIGKILL' })
      written += more - 1
      const lines = readFileSync(path, 'utf8').split('\n')
      expect(lines).toHaveLength(written + 1)
      expect(lines.at(-1)).toMatch(/^\{"schema":/)
    }
    expect(await evaluate(output)).toMatchObject({ code: 0 })
    expect(recordsOf('broken')).toEqual(recordsOf('whole'))
    const again = await evaluate([...output, '--json'])
    expect(JSON.parse(again.stdout)).toMatchObject({
      schema: 'dynts.eval.run/1',
      recordedNow: 0,
      done: recordsOf('whole').length,
      seed: 1,
      model: { architecture: 'qwen2' },
      summary: { schema: 'dynts.eval.summary/1', missing: 0 },
    })
  })

  test('in shards and merged, it is the unbroken run; merged again, it is the same', async () => {
    for (const part of ['1/2', '2/2']) {
      const { code, stdout, stderr } = await evaluate([...policies, '--shard', part, '-o', at(`part-${part[0]}`)])
      expect({ code, stderr }).toMatchObject({ code: 0 })
      expect(stdout).toMatch(/part-\d: (\d+) of \1 samples/)
    }
    const merge = () => dynts(['eval', 'merge', at('part-1'), at('part-2'), '-o', at('merged'), '--json'])
    const total = recordsOf('whole').length
    expect(JSON.parse((await merge()).stdout)).toMatchObject({ records: total, added: total, conflicts: [] })
    expect(recordsOf('merged')).toEqual(recordsOf('whole'))
    expect(JSON.parse((await merge()).stdout)).toMatchObject({ records: total, added: 0, conflicts: [] })
    const parts = [...recordsOf('part-1'), ...recordsOf('part-2')]
    expect(sorted(parts)).toEqual(sorted(recordsOf('whole')))

    const missing = await dynts(['eval', 'summary', at('part-1')])
    expect(refusal(missing)).toMatch(/part-1 lacks \d+ of the planned samples/)
    const allowed = await dynts(['eval', 'summary', at('part-1'), '--allow-missing'])
    expect(allowed).toMatchObject({ code: 0 })
    expect(allowed.stdout).toMatch(/planned samples are missing\.$/m)
  })

  test('with fewer items than the folder holds prints the tables of those, of every policy', async () => {
    const { code, stdout, stderr } = await evaluate(['--policy', 'window', '--limit', '2', '-o', at('whole')])
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect([...stdout.matchAll(/^\| `(\w+)` +\| +(\d) \| +\d+\.\d % \| +- /gm)].map(([, ...cells]) => cells)).toEqual([
      ...[
        ['full', '2'],
        ['dynts', '2'],
        ['window', '2'],
      ],
    ])
    expect(readFileSync(at('whole/summary.csv'), 'utf8')).toMatch(/^chain,full,\{\},,,,,,,,,4,/m)
  })

  test('merged without a shard, it is said which is missing and how to go on', async () => {
    const { code, stderr } = await dynts(['eval', 'merge', at('part-1'), '-o', at('half')])
    expect(code).toBe(0)
    expect(stderr).toMatch(
      /^\d+ planned samples are missing \(chain full: \d+, .*2\/2 looks like a shard that was not merged\. Merge /m,
    )
  })

  test('ends cleanly on SIGTERM, with its exit code', async () => {
    const ended = await evaluate([...policies, '-o', at('terminated')], { env: signalAt(2, 'SIGTERM') })
    expect(ended).toMatchObject({ code: 143, signal: null })
    expect(ended.stderr).toMatch(/Interrupted\. The same command goes on from there\./)
  })

  test('ends cleanly on Ctrl-C', async () => {
    const { code, stdout, stderr } = await evaluate([...policies, '-o', at('stopped')], { env: signalAt(2, 'SIGINT') })
    expect({ code, stderr }).toMatchObject({ code: 130 })
    expect(stderr).toMatch(/Interrupted\. The same command goes on from there\./)
    const { length } = recordsOf('stopped')
    expect(stdout).toContain(`stopped: ${length} of 24 samples`)
    expect(length).toBeLessThan(24)
  })

  test('runs a grid, a limit for some policies, and a policy of one’s own', async () => {
    writeFileSync(
      at('mine.mjs'),
      `export default { name: 'mine', create: () => ({ score: (candidates) => Float32Array.from(candidates, (p) => -p) }) }`,
    )
    const grid = ['--policy', `window,${at('mine.mjs')}`, '--budget', '112,128', '--limit', '1', '--max-tokens', '40']
    const { code, stderr, stdout } = await dynts([
      ...['eval', '--task', 'chain', '--file', file, ...grid, '--limit-of', 'window=2', '-o', at('grid')],
      ...['--threads', '1', '--parallel', '1', '--offline'],
    ])
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const cells = recordsOf('grid').map(({ policy, item, settings: { budget } }) => `${policy} ${budget} ${item}`)
    expect(cells).toEqual([
      ...['window 112 p1', 'window 112 p2', 'window 128 p1', 'window 128 p2'],
      ...['mine 112 p1', 'mine 128 p1'],
    ])
    expect(stdout).toMatch(/^\| Pass@1 by B +\| +112 \| +128 \|$/m)
  })
})

test('--dry-run shows the plan, the first prompt and its answer, and computes and writes nothing', async () => {
  const rows = [
    { Body: 'Ann has 3 nuts.', Question: 'How many?', Answer: '' },
    { Body: 'Bo has 4 nuts.', Question: 'How many?', Answer: 4 },
  ]
  writeFileSync(at('svamp.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const { code, stdout, stderr } = await dynts(['eval', '--file', at('svamp.jsonl'), '--dry-run', '--offline'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^file \(svamp\.jsonl, 1 row without an answer left out\): temperature/m)
  expect(stdout).toMatch(/^Bo has 4 nuts\.\nHow many\?\nPlease reason step by step.*boxed\{\}\.$/m)
  expect(stdout).toMatch(/^its right answer, compared as mathematics: 4$/m)
  expect(stdout).toMatch(/^into eval-file$/m)
  expect(existsSync(at('eval-file'))).toBe(false)
})

describe('a policy of one’s own that fails', () => {
  test('in one prompt costs that sample, exit code 1 and a line; it is tried again', async () => {
    writeFileSync(
      at('sometimes.mjs'),
      `import { existsSync } from 'node:fs'
      let made = 0
      export default { name: 'sometimes', create: () => {
        const fails = made++ === 1 && !existsSync(${JSON.stringify(at('mended'))})
        return { score: (c) => { if (fails) throw new Error('no such cell'); return Float32Array.from(c, (p) => -p) } }
      } }`,
    )
    const policy = ['--policy', `window,${at('sometimes.mjs')}`, '--budget', '112', '--max-tokens', '80']
    const run = () => evaluate([...policy, '-o', at('failing')])
    const first = await run()
    expect(first).toMatchObject({ code: 1 })
    expect(first.stderr).toMatch(/^chain p2 sample 0 under .* failed: policy sometimes .*score: no such cell$/m)
    expect(first.stderr).toMatch(
      /^1 job failed: the reasons are in .*failures\.jsonl\. The same command tries again\.$/m,
    )
    expect(first.stdout).toMatch(/^1 of 8 planned samples failed\.$/m)
    expect(recordsOf('failing')).toHaveLength(7)
    expect(await dynts(['eval', 'summary', at('failing')])).toMatchObject({ code: 0 })
    writeFileSync(at('mended'), '')
    const again = await run()
    expect(again).toMatchObject({ code: 0 })
    expect(again.stdout).not.toContain('failed')
    expect(recordsOf('failing')).toHaveLength(8)
  })
})

describe('dynts eval summary', () => {
  test('writes the tables where they are wanted, and prints JSON', async () => {
    const { code, stdout } = await dynts([
      ...['eval', 'summary', at('whole'), '--csv', at('x/table.csv'), '--json-file', at('x/table.json'), '--json'],
    ])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'dynts.eval.summary/1', planned: 24, missing: 0 })
    expect(readFileSync(at('x/table.json'), 'utf8')).toBe(stdout)
    expect(readFileSync(at('x/table.csv'), 'utf8').split('\n')[0]).toMatch(/^task,policy,/)
  })

  test('says which record is broken', async () => {
    cpSync(at('whole'), at('spoilt'), { recursive: true })
    writeFileSync(at('spoilt/records.jsonl'), '{"schema":"dynts.eval/1"}\n')
    expect(refusal(await dynts(['eval', 'summary', at('spoilt')]))).toMatch(
      /records\.jsonl, line 1, is damaged or of another kind: the field kind is missing/,
    )
  })
})

describe('bad input', () => {
  test.each([
    [['--task', 'chian'], /There is no task "chian"\. Did you mean chain\?/],
    [['--policy', 'dyntz'], /There is no policy "dyntz"\. Did you mean dynts\?/],
    [['--policy', './none.ts'], /There is no policy file/],
    [['--preset', 'table2'], /There is no preset "table2"\. Did you mean table1\?/],
    [['--shard', '4/3'], /must be i\/n with i from 1 to n/],
    [['--shard', 'two'], /must be i\/n/],
    [['--budget', '20'], /--budget must be a whole number of at least 34/],
    [['--ratio', '0.5,2'], /--ratio must be a number from 0 to 1/],
    [['--evict-every', '9,0'], /--evict-every must be a whole number of at least 1/],
    [['--segments', '1'], /--segments must be a whole number of at least 2/],
    [['--value-reserve', '1'], /--value-reserve must be a share of the budget, above 0 and below 1/],
    [['--evict-every', '9', '--ratio', '0.5'], /--ratio has no effect with --evict-every/],
    [['--metric', 'speed'], /Metrics: pass, replay-loss/],
    [['--policy', 'window', '--limit-of', 'dynts=5'], /--limit-of names dynts, which is not evaluated/],
    [['--predictor', 'none', '--policy', 'dynts'], /policy dynts needs an importance predictor/],
    [['--task', 'chain,gsm8k', '--file', file], /give one --task/],
    [['--generate-seed', '1', '--file', file], /not together with --file/],
    [['--answer-field', 'x'], /are for a --file/],
    [['--task', 'gpqa-diamond', '--file', file, '--answer-field', 'x'], /of gpqa-diamond the names of the fields are/],
    [['--task', 'code', '--file', file, '--id-field', 'x'], /of code the names of the fields are fixed/],
    [['--predictor', 'none', '--preset', 'budget'], /policy dynts needs an importance predictor.*or leave it out/],
    [['--temperature', '-1', '--limit', '1'], /--temperature must be/],
    [['merge', at('nowhere'), '-o', at('out')], /nowhere is no folder of dynts eval/],
    [['summary', at('nowhere')], /nowhere is no folder of dynts eval/],
    [['summary', at('nowhere'), '--k', '0'], /whole numbers from 1/],
  ] as const)('%s', async (args, message) => {
    expect(await refusalHere(['eval', ...args])).toMatch(message)
  })

  test('a template of one’s own belongs to what was measured', async () => {
    const template = '{% for m in messages %}{{ m.content }}{{ last }}{% endfor %}'
    const given = ['--policy', 'window', '--limit', '1', '-o', at('template'), '--chat-template', template]
    const { code, stdout, stderr } = await evaluate([...given, '--template-var', 'last=<think>', '--json'])
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const run = JSON.parse(stdout) as { template: string | null }
    expect(run.template).toMatch(/^[0-9a-f]{64}$/)
    const [record] = recordsOf('template')
    const [own] = recordsOf('whole')
    expect(record).toMatchObject({ template: run.template })
    expect(own).toMatchObject({ template: null })
    const other = await evaluate(given)
    expect(other).toMatchObject({ code: 2, stdout: '' })
    expect(other.stderr).toMatch(/belongs to another run: it has another chat template, template variables/)
    expect(refusal(await evaluate([...given, '--template-var', 'last']))).toMatch(/takes name=value/)
  })

  test('a folder of another run is not mixed up with this one', async () => {
    const { code, stderr, stdout } = await evaluate([...policies, '--seed', '2', '-o', at('whole')])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^dynts: .*whole belongs to another run: its seed is 1, not 2\. Give another --output/m)
  })
})
