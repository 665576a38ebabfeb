/**
 * A summary as Markdown tables, for people. Computes nothing.
 */
import { percent } from '../../percent.ts'
import { formatBytes } from '../../models/memory-plan.ts'
import type { Estimate } from '../metrics/estimate.ts'
import type { RecallSummary } from '../metrics/recall.ts'
import { averages } from './averages.ts'
import { gridTables, isBounded, isLargeGrid } from './grid-tables.ts'
import {
  configurationName,
  failedOf,
  type ConfigurationSummary,
  type EvalSummary,
  type TaskSummary,
} from './summarise.ts'
import {
  commonSettings,
  intervalOf,
  markdown,
  percentWithin,
  points,
  policyName,
  signed,
  speed,
  withInterval,
  type TableRow,
} from './table-cells.ts'
import { unreachedNotes } from './unreached-budgets.ts'

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
    ...(configurations.some((one) => one.sampling !== null) ? [drawn] : []),
  ].join('; ')
  const isShort = isLargeGrid(configurations) && !all
  const rows = isShort ? configurations.filter((one) => !isBounded(one)) : configurations
  const sampled = rows.filter((one) => one.sampling !== null)
  const replayed = rows.filter((one) => one.replay !== null)
  const hidden = configurations.length - rows.length
  return [
    heading,
    ...gridTables(configurations, isShort),
    ...(sampled.length === 0 ? [] : [qualityTable(sampled), costTable(sampled)]),
    ...(replayed.length === 0 ? [] : [replayTable(replayed)]),
    ...(replayed.some((one) => recallOf(one).length > 0) ? [recallTable(replayed)] : []),
    ...(isShort
      ? [
          `The rows of the other ${hidden} configurations, with their intervals and costs, are in summary.csv and summary.json; \`dynts eval summary FOLDER --all\` prints them.`,
        ]
      : []),
    ...notes(configurations),
  ]
}

function notes(configurations: readonly ConfigurationSummary[]): string[] {
  return [...unreachedNotes(configurations), ...refusalNotes(configurations), ...failureNotes(configurations)]
}

function refusalNotes(configurations: readonly ConfigurationSummary[]): string[] {
  const refused = configurations.filter((one) => (one.sampling?.refused ?? 0) > 0)
  if (refused.length === 0) return []
  const each = refused.map((one) => `${configurationName(one)} ${percent(one.sampling?.refused ?? 0)}`).join(', ')
  return [`Prompts that do not fit count as wrong, and have no part in what they would have cost: ${each}.`]
}

function failureNotes(configurations: readonly ConfigurationSummary[]): string[] {
  const failed = configurations.filter((one) => failedOf(one) > 0)
  if (failed.length === 0) return []
  const lines = failed.flatMap((one) =>
    one.failures.map(({ reason, jobs, example }) => `- ${configurationName(one)}: ${jobs}, e.g. ${example}: ${reason}`),
  )
  return [`Jobs that failed have no part in any number:\n${lines.join('\n')}`]
}

function qualityTable(rows: readonly ConfigurationSummary[]): string {
  const settled = commonSettings(rows) !== undefined
  const ks = [...new Set(rows.flatMap((one) => one.sampling?.atK.map(({ k }) => k) ?? []))].sort((a, b) => a - b)
  const hasDynts = rows.some((one) => one.sampling?.toDynts)
  const hasFull = rows.some((one) => one.sampling?.toFull)
  return markdown(
    [
      ...head(settled),
      'items',
      'Pass@1',
      '95 % interval',
      ...(hasFull ? ['to `full`, points'] : []),
      ...(hasDynts ? ['to `dynts`, points'] : []),
      ...ks.flatMap((k) => [`Pass@${k}`, `Maj@${k}`]),
      'mean cells',
      'loops',
      ...(hasFull ? ['thinking / `full`'] : []),
      'truncated',
      'degraded',
    ],
    rows.map((one) => {
      const { pass1, toDynts, toFull, thinkingToFull, atK = [], costs, degraded = 0 } = one.sampling ?? {}
      return [
        ...lead(one, settled),
        String(pass1?.items ?? 0),
        pass1 ? percent(pass1.mean) : '',
        pass1 ? intervalOf(pass1) : '',
        ...(hasFull ? [toFull ? points(toFull) : ''] : []),
        ...(hasDynts ? [toDynts ? points(toDynts) : ''] : []),
        ...ks.flatMap((k) => {
          const found = atK.find((one) => one.k === k)
          return found ? [percentWithin(found.pass), percentWithin(found.maj)] : ['', '']
        }),
        costs ? costs.meanCells.mean.toFixed(0) : '',
        costs ? percent(costs.looped.mean) : '',
        ...(hasFull ? [thinkingToFull ? thinkingToFull.mean.toFixed(2) : ''] : []),
        costs ? percent(costs.truncated.mean) : '',
        percent(degraded),
      ]
    }),
  )
}

function costTable(rows: readonly ConfigurationSummary[]): string {
  const settled = commonSettings(rows) !== undefined
  return markdown(
    [
      ...head(settled),
      'thinking tokens',
      'peak cells',
      'most cells',
      'most bytes',
      'evictions',
      'tokens/s, wall',
      'tokens/s, authors',
    ],
    rows.map((one) => {
      const { costs, speed: throughput, evictions = 0 } = one.sampling ?? {}
      return [
        ...lead(one, settled),
        costs ? costs.thinkingTokens.mean.toFixed(0) : '',
        costs ? costs.peakCells.mean.toFixed(0) : '',
        costs ? String(costs.highestCells) : '',
        costs ? formatBytes(costs.highestBytes) : '',
        evictions.toFixed(1),
        speed(throughput?.wall),
        speed(throughput?.authors),
      ]
    }),
  )
}

/** A row for each configuration that has replays. */
export function replayTable(rows: readonly ConfigurationSummary[]): string {
  const settled = commonSettings(rows) !== undefined
  const four = (value: number) => signed(value, 4)
  const loss = (estimate: Estimate | null | undefined) =>
    estimate ? withInterval(four(estimate.mean), estimate.interval, four) : ''
  return markdown(
    [...head(settled), 'traces', 'mean cells', 'replay loss', '95 % interval', 'to `full`', 'to `dynts`'],
    rows.map((one) => {
      const { traces = 0, meanCells, loss: own, toFull, toDynts } = one.replay ?? {}
      return [
        ...lead(one, settled),
        String(traces),
        meanCells?.toFixed(0) ?? '',
        own ? own.mean.toFixed(4) : '',
        own ? intervalOf(own, (value) => value.toFixed(4)) : '',
        loss(toFull),
        loss(toDynts),
      ]
    }),
  )
}

/** Of facts stated once: one row for each configuration and distance. */
function recallTable(rows: readonly ConfigurationSummary[]): string {
  const settled = commonSettings(rows) !== undefined
  const nats = (value: number) => signed(value, 2)
  const difference = (estimate: Estimate | null) =>
    estimate ? withInterval(nats(estimate.mean), estimate.interval, nats) : ''
  const all = rows.flatMap(recallOf)
  const hasFull = all.some(({ rightToFull }) => rightToFull !== null)
  const hasDynts = all.some(({ rightToDynts }) => rightToDynts !== null)
  const header = [...head(settled), 'distance', 'facts', 'cells held', 'right', '95 % interval']
  return markdown(
    [
      ...header,
      ...(hasFull ? ['to `full`, points'] : []),
      ...(hasDynts ? ['to `dynts`, points'] : []),
      ...['log-probability', '95 % interval'],
      ...(hasFull ? ['to `full`'] : []),
      ...(hasDynts ? ['to `dynts`'] : []),
    ],
    rows.flatMap((one) =>
      recallOf(one).map((recall) => [
        ...lead(one, settled),
        ...[String(recall.distance), String(recall.right.items), percent(recall.held.mean)],
        ...[percent(recall.right.mean), intervalOf(recall.right)],
        ...(hasFull ? [recall.rightToFull ? points(recall.rightToFull) : ''] : []),
        ...(hasDynts ? [recall.rightToDynts ? points(recall.rightToDynts) : ''] : []),
        ...[nats(recall.logprob.mean), intervalOf(recall.logprob, nats)],
        ...(hasFull ? [difference(recall.logprobToFull)] : []),
        ...(hasDynts ? [difference(recall.logprobToDynts)] : []),
      ]),
    ),
  )
}

function recallOf({ replay }: ConfigurationSummary): readonly RecallSummary[] {
  return replay?.recall ?? []
}

/** Over several tasks, as in the paper's Table 1: Pass@1 and tokens per second of each, and their means. */
function averageTable({ tasks }: EvalSummary): string | undefined {
  const rows = averages(tasks)
  if (rows.length === 0) return undefined
  return markdown(
    [
      'policy',
      ...tasks.flatMap(({ task }) => [task, 'tokens/s']),
      'average Pass@1',
      '95 % interval',
      'to `dynts`, points',
      'tokens/s',
    ],
    rows.map(({ policy, pass1, tokensPerSecond, mean, toDynts, meanTokensPerSecond }) => [
      `\`${policy}\``,
      ...pass1.flatMap((one, i) => [percent(one.mean), speed(tokensPerSecond[i])]),
      percent(mean.mean),
      intervalOf(mean),
      toDynts ? points(toDynts) : '',
      speed(meanTokensPerSecond),
    ]),
  )
}

function head(settled: boolean): TableRow {
  return settled ? ['policy'] : ['policy', 'B', 'W_l', 'ratio']
}

function lead(one: ConfigurationSummary, settled: boolean): TableRow {
  const share = one.evictEvery === null ? one.ratio : `K ${one.evictEvery}`
  const settings = [one.budget, one.localWindow, share].map((value) => (value === null ? '-' : String(value)))
  return [policyName(one), ...(settled ? [] : settings)]
}
