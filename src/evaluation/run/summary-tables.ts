/**
 * A summary as Markdown tables, for people. Computes nothing.
 */
import { percent } from '../../percent.ts'
import { formatBytes } from '../../models/memory-plan.ts'
import { averages, type Average } from './averages.ts'
import { gridTables, isBounded, isLargeGrid } from './grid-tables.ts'
import type { ConfigurationSummary, EvalSummary, TaskSummary } from './summarise.ts'
import { summaryNotes } from './summary-notes.ts'
import type { ReplaySummary, SampleSummary } from './configuration-summary.ts'
import {
  commonSettings,
  difference,
  intervalOf,
  percentWithin,
  points,
  policyName,
  signed,
  speed,
  tableOf,
  type Column,
} from './table-cells.ts'

/**
 * Tables with a heading each, and notes. Of a large grid the matrices alone.
 * @param options `all`: every configuration has a row of its own, in any case
 */
export function summaryText(
  summary: EvalSummary,
  { all = false }: { readonly all?: boolean | undefined } = {},
): string {
  const parts = summary.tasks.flatMap((task) => taskText(task, all))
  const overall = averageTable(summary)
  if (overall !== undefined) parts.push(overall)
  if (summary.failed > 0) parts.push(`${summary.failed} of ${summary.planned} planned samples failed.`)
  if (summary.missing > 0) parts.push(`${summary.missing} of ${summary.planned} planned samples are missing.`)
  return parts.join('\n\n')
}

function taskText(task: TaskSummary, all: boolean): string[] {
  const { configurations, sampling, maxTokens } = task
  const { temperature, topP, topK } = sampling
  const settings = commonSettings(configurations)
  const drawn = `temperature ${temperature}, top-p ${topP}, top-k ${topK}, at most ${maxTokens} tokens`
  const heading = [
    `${task.task} (${task.source})${settings === undefined ? '' : `: ${settings}`}`,
    // Of given traces nothing is drawn.
    ...(configurations.some(isSampled) ? [drawn] : []),
  ].join('; ')
  const isShort = isLargeGrid(configurations) && !all
  const rows = isShort ? configurations.filter((one) => !isBounded(one)) : configurations
  const sampled = rows.filter(isSampled)
  const replayed = rows.filter(isReplayed)
  const hidden = configurations.length - rows.length
  return [
    heading,
    ...gridTables(configurations, isShort),
    ...(sampled.length === 0 ? [] : [qualityTable(sampled), costTable(sampled)]),
    ...(replayed.length === 0 ? [] : [replayTable(replayed)]),
    ...(replayed.some(({ replay }) => replay.recall.length > 0) ? [recallTable(replayed)] : []),
    ...(isShort
      ? [
          `The rows of the other ${hidden} configurations, with their intervals and costs, are in summary.csv and summary.json; \`dynts eval summary FOLDER --all\` prints them.`,
        ]
      : []),
    ...summaryNotes(configurations),
  ]
}

type Sampled = ConfigurationSummary & { readonly sampling: SampleSummary }
type Replayed = ConfigurationSummary & { readonly replay: ReplaySummary }

function isSampled(one: ConfigurationSummary): one is Sampled {
  return one.sampling !== null
}

function isReplayed(one: ConfigurationSummary): one is Replayed {
  return one.replay !== null
}

function qualityTable(rows: readonly Sampled[]): string {
  const ks = [...new Set(rows.flatMap(({ sampling }) => sampling.atK.map(({ k }) => k)))].sort((a, b) => a - b)
  const hasFull = rows.some(({ sampling }) => sampling.toFull)
  const hasDynts = rows.some(({ sampling }) => sampling.toDynts)
  const atK = (k: number): Column<Sampled>[] => {
    const at = ({ sampling }: Sampled) => sampling.atK.find((one) => one.k === k)
    return [
      { name: `Pass@${k}`, cell: (one) => percentWithin(at(one)?.pass) },
      { name: `Maj@${k}`, cell: (one) => percentWithin(at(one)?.maj) },
    ]
  }
  return tableOf(rows, [
    ...settingColumns(rows),
    { name: 'items', cell: ({ sampling }) => String(sampling.pass1.items) },
    { name: 'Pass@1', cell: ({ sampling }) => percent(sampling.pass1.mean) },
    { name: '95 % interval', cell: ({ sampling }) => intervalOf(sampling.pass1) },
    { name: 'to `full`, points', cell: ({ sampling }) => points(sampling.toFull), isLeftOut: !hasFull },
    { name: 'to `dynts`, points', cell: ({ sampling }) => points(sampling.toDynts), isLeftOut: !hasDynts },
    ...ks.flatMap(atK),
    { name: 'mean cells', cell: ({ sampling: { costs } }) => costs?.meanCells.mean.toFixed(0) },
    { name: 'loops', cell: ({ sampling: { costs } }) => costs && percent(costs.looped.mean) },
    {
      name: 'thinking / `full`',
      cell: ({ sampling }) => sampling.thinkingToFull?.mean.toFixed(2),
      isLeftOut: !hasFull,
    },
    { name: 'truncated', cell: ({ sampling: { costs } }) => costs && percent(costs.truncated.mean) },
    { name: 'degraded', cell: ({ sampling }) => percent(sampling.degraded) },
  ])
}

function costTable(rows: readonly Sampled[]): string {
  return tableOf(rows, [
    ...settingColumns(rows),
    { name: 'thinking tokens', cell: ({ sampling: { costs } }) => costs?.thinkingTokens.mean.toFixed(0) },
    { name: 'peak cells', cell: ({ sampling: { costs } }) => costs?.peakCells.mean.toFixed(0) },
    { name: 'most cells', cell: ({ sampling: { costs } }) => costs && String(costs.highestCells) },
    { name: 'most bytes', cell: ({ sampling: { costs } }) => costs && formatBytes(costs.highestBytes) },
    { name: 'evictions', cell: ({ sampling }) => sampling.evictions.toFixed(1) },
    {
      name: 'ms per eviction',
      cell: ({ sampling: { msPerEviction } }) => msPerEviction?.toFixed(msPerEviction < 10 ? 1 : 0),
      isLeftOut: rows.every(({ sampling }) => sampling.msPerEviction === null),
    },
    { name: 'tokens/s, wall', cell: ({ sampling }) => speed(sampling.speed?.wall) },
    { name: 'tokens/s, authors', cell: ({ sampling }) => speed(sampling.speed?.authors) },
  ])
}

/** A row for each configuration that has replays. */
export function replayTable(rows: readonly ConfigurationSummary[]): string {
  const four = (value: number) => value.toFixed(4)
  const signedFour = (value: number) => signed(value, 4)
  return tableOf(rows, [
    ...settingColumns(rows),
    { name: 'traces', cell: ({ replay }) => String(replay?.traces ?? 0) },
    { name: 'mean cells', cell: ({ replay }) => replay?.meanCells?.toFixed(0) },
    { name: 'replay loss', cell: ({ replay }) => replay?.loss && four(replay.loss.mean) },
    { name: '95 % interval', cell: ({ replay }) => replay?.loss && intervalOf(replay.loss, four) },
    { name: 'to `full`', cell: ({ replay }) => difference(replay?.toFull, signedFour) },
    { name: 'to `dynts`', cell: ({ replay }) => difference(replay?.toDynts, signedFour) },
  ])
}

/** Of facts stated once: one row for each configuration and distance. */
function recallTable(rows: readonly Replayed[]): string {
  const nats = (value: number) => signed(value, 2)
  const facts = rows.flatMap((one) => one.replay.recall.map((recall) => ({ ...one, recall })))
  const hasFull = facts.some(({ recall }) => recall.rightToFull !== null)
  const hasDynts = facts.some(({ recall }) => recall.rightToDynts !== null)
  return tableOf(facts, [
    ...settingColumns(rows),
    { name: 'distance', cell: ({ recall }) => String(recall.distance) },
    { name: 'facts', cell: ({ recall }) => String(recall.right.items) },
    { name: 'cells held', cell: ({ recall }) => percent(recall.held.mean) },
    { name: 'right', cell: ({ recall }) => percent(recall.right.mean) },
    { name: '95 % interval', cell: ({ recall }) => intervalOf(recall.right) },
    { name: 'to `full`, points', cell: ({ recall }) => points(recall.rightToFull), isLeftOut: !hasFull },
    { name: 'to `dynts`, points', cell: ({ recall }) => points(recall.rightToDynts), isLeftOut: !hasDynts },
    { name: 'log-probability', cell: ({ recall }) => nats(recall.logprob.mean) },
    { name: '95 % interval', cell: ({ recall }) => intervalOf(recall.logprob, nats) },
    { name: 'to `full`', cell: ({ recall }) => difference(recall.logprobToFull, nats), isLeftOut: !hasFull },
    { name: 'to `dynts`', cell: ({ recall }) => difference(recall.logprobToDynts, nats), isLeftOut: !hasDynts },
  ])
}

/** Over several tasks, as in the paper's Table 1: Pass@1 and tokens per second of each, and their means. */
function averageTable({ tasks }: EvalSummary): string | undefined {
  const rows = averages(tasks)
  if (rows.length === 0) return undefined
  return tableOf(rows, [
    { name: 'policy', cell: ({ policy }) => `\`${policy}\`` },
    ...tasks.flatMap(({ task }, i): Column<Average>[] => [
      { name: task, cell: ({ pass1 }) => percent(pass1[i]?.mean ?? NaN) },
      { name: 'tokens/s', cell: ({ tokensPerSecond }) => speed(tokensPerSecond[i]) },
    ]),
    { name: 'average Pass@1', cell: ({ mean }) => percent(mean.mean) },
    { name: '95 % interval', cell: ({ mean }) => intervalOf(mean) },
    { name: 'to `dynts`, points', cell: ({ toDynts }) => points(toDynts) },
    { name: 'tokens/s', cell: ({ meanTokensPerSecond }) => speed(meanTokensPerSecond) },
  ])
}

/** The policy, and its settings unless all rows have the same. */
function settingColumns(rows: readonly ConfigurationSummary[]): Column<ConfigurationSummary>[] {
  const isLeftOut = commonSettings(rows) !== undefined
  const shown = (value: number | string | null) => String(value ?? '-')
  return [
    { name: 'policy', cell: policyName },
    { name: 'B', cell: ({ budget }) => shown(budget), isLeftOut },
    { name: 'W_l', cell: ({ localWindow }) => shown(localWindow), isLeftOut },
    {
      name: 'ratio',
      cell: ({ ratio, evictEvery }) => shown(evictEvery === null ? ratio : `K ${evictEvery}`),
      isLeftOut,
    },
  ]
}
