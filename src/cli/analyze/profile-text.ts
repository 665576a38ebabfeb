/** The tables of `dynts analyze importance`, for people. */
import type { ImportanceProfile, ProfileSummary, TraceProfile } from '../../analysis/importance-profile.ts'
import { publishedProfiles } from '../../analysis/published-profiles.ts'
import type { Estimate } from '../../evaluation/metrics/estimate.ts'
import { percent } from '../../percent.ts'
import { count, counted } from '../output/counted.ts'
import { intervalText, withIntervals } from '../../evaluation/run/table-cells.ts'
import { printable } from '../output/printable.ts'
import { formatTable } from '../output/table.ts'

/** More traces than a screen has lines: the others are in the CSV and the JSON. */
const mostTraces = 20

export function profileText(traces: readonly TraceProfile[], summary: ProfileSummary): string {
  const shown = traces.slice(0, mostTraces)
  const more = traces.length - shown.length
  const rest = more > 0 ? `\n... and ${counted(more, 'more trace')}: --csv or --json` : ''
  return [`${traceTable(shown)}${rest}`, overall(summary), positions(summary)].join('\n\n')
}

function traceTable(traces: readonly TraceProfile[]): string {
  const row = ({ id, thinkingTokens, ...profile }: TraceProfile): string[] => [
    printable(id),
    count(thinkingTokens),
    ...figures(profile),
  ]
  return formatTable([
    ['trace', 'thinking', 'mean', 'above mean', 'in top 20 %', 'Gini', 'question / thinking'],
    ...traces.map(row),
  ])
}

function figures({ mean, aboveMean, topShare, gini, promptRatio }: Omit<ImportanceProfile, 'thinkingTokens'>) {
  return [mean.toExponential(2), percent(aboveMean), percent(topShare), ratio(gini), ratio(promptRatio)]
}

function overall({ traces, questions, thinkingTokens, figures, aboveMeanRange }: ProfileSummary): string {
  const { mean, aboveMean, topShare, gini, promptRatio } = figures
  const { least, most } = aboveMeanRange
  const rows = [
    ['mean importance of a thinking token', ...cells(mean, (value) => value.toExponential(2))],
    ['thinking tokens above the mean', ...cells(aboveMean, percent)],
    ['importance in the top 20 %', ...cells(topShare, percent)],
    ['Gini', ...cells(gini, ratio)],
    ['mean of the question / of the thinking', ...cells(promptRatio, ratio)],
  ]
  const shares = publishedProfiles.map(({ aboveMean: share }) => share)
  return [
    `Over ${counted(questions, 'question')} (${counted(traces, 'trace')}, ${counted(thinkingTokens, 'thinking token')})${withIntervals([mean])}:`,
    formatTable(rows),
    `Above the mean, by trace: ${percent(least)} to ${percent(most)}. Published: ${percent(Math.min(...shares))} to ${percent(Math.max(...shares))} (${counted(shares.length, 'trace')} of two other models).`,
  ].join('\n')
}

function cells(estimate: Estimate | null, show: (value: number) => string): string[] {
  return estimate ? [show(estimate.mean), intervalText(estimate, show)] : ['-']
}

function positions({ byPosition }: ProfileSummary): string {
  const width = 100 / byPosition.length
  const rows = byPosition.map((estimate, bin) => [
    `${bin * width} to ${(bin + 1) * width} %`,
    ...cells(estimate, ratio),
  ])
  return `Mean importance by position in the thinking (1: the trace's mean):\n${formatTable(rows)}`
}

function ratio(value: number): string {
  return Number.isFinite(value) ? value.toFixed(2) : '-'
}
