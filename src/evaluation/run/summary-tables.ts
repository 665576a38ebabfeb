/**
 * A summary as Markdown tables, for people. Computes nothing.
 */
import { formatBytes } from '../../models/memory-plan.ts'
import type { Estimate } from '../metrics/estimate.ts'
import { averages } from './averages.ts'
import { configurationName, type ConfigurationSummary, type EvalSummary, type TaskSummary } from './summarise.ts'

type Row = readonly string[]

/** Tables with a heading each, and notes. */
export function summaryText(summary: EvalSummary): string {
  const parts = summary.tasks.flatMap((task) => taskText(task))
  const overall = averageTable(summary)
  if (overall !== undefined) parts.push(overall)
  if (summary.missing > 0) parts.push(`${summary.missing} of ${summary.planned} planned samples are missing.`)
  return parts.join('\n\n')
}

function taskText(task: TaskSummary): string[] {
  const { configurations, sampling, maxTokens } = task
  const { temperature, topP, topK } = sampling
  const settings = commonSettings(configurations)
  const heading = [
    `${task.task} (${task.source})${settings === undefined ? '' : `: ${settings}`}`,
    `temperature ${temperature}, top-p ${topP}, top-k ${topK}, at most ${maxTokens} tokens`,
  ].join('; ')
  const sampled = configurations.filter((one) => one.sampling !== null)
  const replayed = configurations.filter((one) => one.replay !== null)
  const tables = [
    ...matrices(task),
    ...(sampled.length === 0 ? [] : [qualityTable(sampled), costTable(sampled)]),
    ...(replayed.length === 0 ? [] : [replayTable(replayed)]),
  ]
  return [heading, ...tables, ...notes(sampled)]
}

function notes(sampled: readonly ConfigurationSummary[]): string[] {
  const refused = sampled.filter((one) => (one.sampling?.refused ?? 0) > 0)
  if (refused.length === 0) return []
  const each = refused.map((one) => `${configurationName(one)} ${percent(one.sampling?.refused ?? 0)}`).join(', ')
  return [`Prompts that do not fit count as wrong, and have no part in what they would have cost: ${each}.`]
}

function qualityTable(rows: readonly ConfigurationSummary[]): string {
  const settled = commonSettings(rows) !== undefined
  const ks = [...new Set(rows.flatMap((one) => one.sampling?.atK.map(({ k }) => k) ?? []))].sort((a, b) => a - b)
  return markdown(
    [
      ...head(settled),
      'items',
      'Pass@1',
      '95 % interval',
      'to `dynts`, points',
      ...ks.flatMap((k) => [`Pass@${k}`, `Maj@${k}`]),
      'truncated',
      'loops',
      'degraded',
    ],
    rows.map((one) => {
      const { pass1, toDynts, atK = [], costs, degraded = 0 } = one.sampling ?? {}
      return [
        ...lead(one, rows, settled),
        String(pass1?.items ?? 0),
        pass1 ? percent(pass1.mean) : '',
        pass1 ? `${percent(pass1.interval.low)} to ${percent(pass1.interval.high)}` : '',
        toDynts ? points(toDynts) : '',
        ...ks.flatMap((k) => {
          const found = atK.find((one) => one.k === k)
          return found ? [percent(found.pass.mean), percent(found.maj.mean)] : ['', '']
        }),
        costs ? percent(costs.truncated.mean) : '',
        costs ? percent(costs.looped.mean) : '',
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
      'mean cells',
      'peak cells',
      'most cells',
      'most bytes',
      'evictions',
      'tokens/s, wall',
      'tokens/s, authors',
    ],
    rows.map((one) => {
      const { costs, speed, evictions = 0 } = one.sampling ?? {}
      return [
        ...lead(one, rows, settled),
        costs ? costs.thinkingTokens.mean.toFixed(0) : '',
        costs ? costs.meanCells.mean.toFixed(0) : '',
        costs ? costs.peakCells.mean.toFixed(0) : '',
        costs ? String(costs.highestCells) : '',
        costs ? formatBytes(costs.highestBytes) : '',
        evictions.toFixed(1),
        speed?.wall ? speed.wall.toFixed(0) : '',
        speed?.authors ? speed.authors.toFixed(0) : '',
      ]
    }),
  )
}

function replayTable(rows: readonly ConfigurationSummary[]): string {
  const settled = commonSettings(rows) !== undefined
  const loss = (estimate: Estimate | null | undefined) =>
    estimate
      ? `${signed(estimate.mean, 4)} (${signed(estimate.interval.low, 4)} to ${signed(estimate.interval.high, 4)})`
      : ''
  return markdown(
    [...head(settled), 'traces', 'replay loss', '95 % interval', 'to `full`', 'to `dynts`'],
    rows.map((one) => {
      const { traces = 0, loss: own, toFull, toDynts } = one.replay ?? {}
      return [
        ...lead(one, rows, settled),
        String(traces),
        own ? own.mean.toFixed(4) : '',
        own ? `${own.interval.low.toFixed(4)} to ${own.interval.high.toFixed(4)}` : '',
        loss(toFull),
        loss(toDynts),
      ]
    }),
  )
}

/** For each policy with a grid: budgets in one row, or local windows by ratios. */
function matrices({ configurations }: TaskSummary): string[] {
  const rows = configurations.filter((one) => one.sampling !== null && one.budget !== null)
  const values = (pick: (one: ConfigurationSummary) => number | null) =>
    [...new Set(rows.map(pick))].filter((value) => value !== null).sort((a, b) => a - b)
  const budgets = values(({ budget }) => budget)
  const windows = values(({ localWindow }) => localWindow)
  const ratios = values(({ ratio }) => ratio)
  if (rows.length < 2 || budgets.length * windows.length * ratios.length === 1) return []
  const policies = [...new Set(rows.map((one) => policyName(one, rows)))]
  const cell = (policy: string, budget: number, window: number, ratio: number) => {
    const found = rows.find(
      (one) =>
        policyName(one, rows) === policy && one.budget === budget && one.localWindow === window && one.ratio === ratio,
    )
    return found?.sampling ? percent(found.sampling.pass1.mean) : ''
  }
  if (windows.length * ratios.length === 1) {
    const [window = 0] = windows
    const [ratio = 0] = ratios
    const table = markdown(
      ['Pass@1 by B', ...budgets.map(String)],
      policies.map((policy) => [policy, ...budgets.map((budget) => cell(policy, budget, window, ratio))]),
    )
    return [table]
  }
  return policies.flatMap((policy) =>
    budgets.map((budget) =>
      markdown(
        [`${policy}, B ${budget}: W_l by ratio`, ...ratios.map(String)],
        windows.map((window) => [String(window), ...ratios.map((ratio) => cell(policy, budget, window, ratio))]),
      ),
    ),
  )
}

/** Over several tasks, as in the paper's Table 1: Pass@1 and tokens per second of each, and their means. */
function averageTable({ tasks }: EvalSummary): string | undefined {
  const rows = averages(tasks)
  if (rows.length === 0) return undefined
  const speed = (value: number | null | undefined) => (value ? value.toFixed(0) : '')
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
      `${percent(mean.interval.low)} to ${percent(mean.interval.high)}`,
      toDynts ? points(toDynts) : '',
      speed(meanTokensPerSecond),
    ]),
  )
}

/** The settings of all bounded rows, if they are the same. */
function commonSettings(rows: readonly ConfigurationSummary[]): string | undefined {
  const all = new Set(
    rows
      .filter(({ budget }) => budget !== null)
      .map(({ budget, localWindow, ratio }) => `B ${budget ?? ''}, W_l ${localWindow ?? ''}, ratio ${ratio ?? ''}`),
  )
  return all.size > 1 ? undefined : ([...all][0] ?? 'full cache')
}

function head(settled: boolean): Row {
  return settled ? ['policy'] : ['policy', 'B', 'W_l', 'ratio']
}

function lead(one: ConfigurationSummary, rows: readonly ConfigurationSummary[], settled: boolean): Row {
  const settings = [one.budget, one.localWindow, one.ratio].map((value) => (value === null ? '-' : String(value)))
  return [policyName(one, rows), ...(settled ? [] : settings)]
}

/** With its options, and its file's hash, where the policy is among the rows with others too. */
function policyName(one: ConfigurationSummary, rows: readonly ConfigurationSummary[]): string {
  const variants = rows.filter(({ policy }) => policy === one.policy)
  const isAlone =
    new Set(variants.map(({ policyOptions, policyHash }) => JSON.stringify([policyOptions, policyHash]))).size === 1
  if (isAlone) return `\`${one.policy}\``
  const options = Object.entries(one.policyOptions).map(([name, value]) => `${name}=${String(value)}`)
  return [`\`${one.policy}\``, ...options, one.policyHash?.slice(0, 7) ?? ''].join(' ').trimEnd()
}

/** First column to the left, the others to the right; padded, so that it reads well as it is. */
function markdown(header: Row, rows: readonly Row[]): string {
  const widths = header.map((_, i) => Math.max(3, ...[header, ...rows].map((row) => (row[i] ?? '').length)))
  const line = (row: Row) =>
    `| ${widths.map((width, i) => (i === 0 ? (row[i] ?? '').padEnd(width) : (row[i] ?? '').padStart(width))).join(' | ')} |`
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(header), line(rule), ...rows.map(line)].join('\n')
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

function points({ mean, interval }: Estimate): string {
  const hundred = (share: number) => signed(share * 100, 1)
  return `${hundred(mean)} (${hundred(interval.low)} to ${hundred(interval.high)})`
}

function signed(value: number, digits: number): string {
  const text = value.toFixed(digits)
  if (Number(text) === 0) return text.replace('-', '')
  return value > 0 ? `+${text}` : text
}
