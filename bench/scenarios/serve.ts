/**
 * What a server makes of given bytes for its cache: 64 requests at once to `dynts serve`, under the full cache and under DynTS. The embedded model's
 * answers are as long as it likes; those of the random model have given lengths.
 */
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { inspectGguf } from '../../src/models/gguf-file.ts'
import { bytesPerCell, formatBytes, padCells } from '../../src/models/memory-plan.ts'
import type { Bench } from '../bench.ts'
import { compare, type Variant } from '../compare.ts'
import { quotient, spread } from '../measurements.ts'
import { tinyProblems } from '../paths.ts'
import { eosToken } from '../random-vocabulary.ts'
import { ServerProcess, type Answered } from '../server-process.ts'
import type { Scenario } from '../scenario.ts'
import { whileBreathing } from '../while-breathing.ts'

const policies = ['full', 'dynts'] as const
/** Seconds. */
const longestWait = 24 * 3600
const fullSlots = 4

/** What is asked of both. */
interface Load {
  /** Cells that hold the longest text. */
  readonly fullCells: number
  readonly cache: { readonly budget: number; readonly localWindow: number; readonly ratio: number }
  readonly requests: readonly object[]
  /** Whether an answer is right; undefined: there is no right one. */
  readonly isRight?: (request: number, content: string) => boolean
  readonly lengths?: readonly number[]
}

export const serve: Scenario = {
  name: 'serve',
  summary: 'requests per minute, time to the first answer token and tokens per second of dynts serve, at equal bytes',
  repetitions: 1,
  parts: [
    { model: 'tiny', run: (bench) => run(bench, embedded()) },
    { model: 'shape', run: (bench) => run(bench, ofGivenLengths(bench)) },
  ],
}

/** 64 of the problems that the embedded model was made for. */
function embedded(): Load {
  const problems = readFileSync(tinyProblems, 'utf8')
    .split('\n')
    .slice(0, 64)
    .map((line) => JSON.parse(line) as { question: string; answer: string })
  return {
    fullCells: 2048,
    cache: { budget: 512, localWindow: 128, ratio: 0.4 },
    requests: problems.map(({ question }, seed) => ({ messages: [{ role: 'user', content: question }], seed })),
    isRight: (request, content) => content.includes(`\\boxed{${problems[request]?.answer}}`),
  }
}

/** Tokens spread evenly from half of the longest to the longest, three quarters of each thinking. */
function ofGivenLengths({ options, sizes }: Bench): Load {
  const longest = options.steps ?? 1024
  const count = sizes.of(64)
  const lengths = Array.from({ length: count }, (_, i) => Math.round(longest * (0.5 + (0.5 * (i + 1)) / count)))
  const budget = Math.max(256, padCells(Math.round(longest / 4)))
  return {
    // Each letter of the prompt is a token.
    fullCells: longest + 128,
    cache: { budget, localWindow: budget / 4, ratio: 0.4 },
    lengths,
    requests: lengths.map((length, i) => ({
      messages: [{ role: 'user', content: `${i} ${'abcdefgh'.repeat(10)}` }],
      ...{ seed: i, max_tokens: length, thinking_budget: Math.round(length * 0.75) },
      // Nothing ends it early.
      logit_bias: { [eosToken]: -100 },
    })),
  }
}

async function run(bench: Bench, load: Load): Promise<void> {
  const { measurements, files } = bench
  const cellBytes = bytesPerCell(await inspectGguf(files.model), 'f16')
  const cells = { full: padCells(load.fullCells), dynts: padCells(load.cache.budget) }
  const memory = fullSlots * cells.full * cellBytes
  const slots = { full: fullSlots, dynts: Math.floor((fullSlots * cells.full) / cells.dynts) }
  Object.assign(measurements.settings, {
    requests: load.requests.length,
    cache: formatBytes(memory),
    ...load.cache,
    'slots, full': slots.full,
    'slots, dynts': slots.dynts,
  })
  const variants = policies.map((policy): Variant => {
    const settings = { policy, slots: slots[policy], cells: cells[policy] }
    return { name: policy, unit: 's', measure: () => measure(bench, load, settings) }
  })
  for (const policy of policies) {
    for (const [name, unit] of Object.entries(units)) measurements.units[`${policy}, ${name}`] = unit
  }
  const ratioOf = (name: string, a: string, b: string) => ({ name, of: quotient(a, b) })
  await compare(bench, variants, [
    ratioOf('requests per minute of dynts / full', 'dynts, requests', 'full, requests'),
    ratioOf('tokens per second of dynts / full', 'dynts, tokens', 'full, tokens'),
    ratioOf('time to the first answer token of full / dynts', `full, ${firstAnswer}`, `dynts, ${firstAnswer}`),
  ])
}

const firstAnswer = 'first answer token, median'
const units = {
  requests: '/min',
  tokens: 'tokens/s',
  [firstAnswer]: 's',
  'first answer token, latest': 's',
  'tokens of an answer, median': '',
  right: '%',
}

/** All requests at once, to a server of their own. */
async function measure(
  bench: Bench,
  { requests, cache, isRight, lengths }: Load,
  {
    policy,
    slots,
    cells,
  }: { readonly policy: (typeof policies)[number]; readonly slots: number; readonly cells: number },
): Promise<Readonly<Record<string, number>>> {
  const { files, options } = bench
  const bound =
    policy === 'full' ? [] : ['--budget', cache.budget, '--local-window', cache.localWindow, '--ratio', cache.ratio]
  const args = [
    ...[
      '--model',
      files.model,
      '--predictor',
      policy === 'full' ? 'none' : files.predictor,
      '--policy',
      policy,
      ...bound,
    ],
    ...[
      '--parallel',
      slots,
      '--cells',
      cells,
      '--max-queue',
      requests.length,
      '--queue-timeout',
      longestWait,
      '--gpu',
      options.gpu,
      '--force',
    ],
    ...(options.threads === undefined ? [] : ['--threads', options.threads]),
  ]
  const server = await whileBreathing(bench, ServerProcess.start(args.map(String)), () => 0)
  let done = 0
  try {
    // The first one finds memory that was never touched.
    await server.ask({ ...requests[0], max_tokens: 8 })
    const start = performance.now()
    const ask = async (request: object) => {
      const answered = await server.ask({ ...request, cache_prompt: false })
      done++
      return answered
    }
    const answers = await whileBreathing(bench, Promise.all(requests.map(ask)), () => done / requests.length)
    const seconds = (performance.now() - start) / 1000
    const wrong = lengths?.findIndex((length, i) => answers[i]?.tokens !== length) ?? -1
    if (wrong >= 0) throw new Error(`answer ${wrong} has ${answers[wrong]?.tokens} tokens, not ${lengths?.[wrong]}`)
    return figuresOf(policy, seconds, answers, isRight)
  } finally {
    await server.close()
    // So that the next one finds its memory free.
    await setTimeout(500)
  }
}

function figuresOf(policy: string, seconds: number, answers: readonly Answered[], isRight: Load['isRight']) {
  const first = spread(answers.map(({ firstAnswerSeconds }) => firstAnswerSeconds))
  const tokens = spread(answers.map((answer) => answer.tokens))
  const right = answers.filter(({ content }, i) => isRight?.(i, content)).length
  const figures = {
    requests: (answers.length * 60) / seconds,
    tokens: answers.reduce((sum, answer) => sum + answer.tokens, 0) / seconds,
    [firstAnswer]: first?.median ?? NaN,
    'first answer token, latest': first?.max ?? NaN,
    'tokens of an answer, median': tokens?.median ?? NaN,
    ...(isRight ? { right: (100 * right) / answers.length } : {}),
  }
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${policy}, ${name}`, value]))
}
