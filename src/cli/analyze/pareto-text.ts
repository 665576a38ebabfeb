/** The tables of `dynts analyze pareto`, for people. */
import { selections } from '../../analysis/pareto/kept-tokens.ts'
import { readings, type Reading } from '../../analysis/pareto/pareto-record.ts'
import { publishedLoss, publishedPareto } from '../../analysis/pareto/published-pareto.ts'
import { fullAboveTable } from '../../analysis/published-remarks.ts'
import type { ParetoPoint, ParetoSummary } from '../../analysis/pareto/summarise-pareto.ts'
import { percent } from '../../percent.ts'
import { counted } from '../output/counted.ts'
import { intervalText, withIntervals } from '../../evaluation/run/table-cells.ts'
import { formatTable } from '../output/table.ts'

const readingTitles: Readonly<Record<Reading, string>> = {
  text: 'The kept thinking fed again as text, as in the paper',
  cells: 'The other thinking evicted from the cache, positions kept',
}

export function paretoText(summary: ParetoSummary): string {
  const { traces, questions, samples, thinkingTokens, points } = summary
  const full = points.find(({ selection }) => selection === 'full')
  const answers = `${counted(samples, 'answer')} to each part`
  return [
    `Right answers over ${counted(questions, 'question')} (${counted(traces, 'trace')} of ${Math.round(thinkingTokens)} thinking tokens on average, ${answers})${withIntervals(points.map(({ accuracy }) => accuracy))}.`,
    `With all of the thinking: ${accuracyOf(full)}`,
    ...readings.flatMap((reading) => tableOf(reading, points)),
    ...(points.some(thinksAgain)
      ? [`* In more than half of these the model thought again before it answered: not from what was kept alone.`]
      : []),
    `Importance is measured with the answer known, so that the top may simply hold its digits; the newest and the predicted do not know it.`,
    publishedLine(),
  ].join('\n')
}

function tableOf(reading: Reading, all: readonly ParetoPoint[]): string[] {
  const points = all.filter((point) => point.reading === reading)
  if (points.length === 0) return []
  const named = selections.filter((name) => points.some(({ selection }) => selection === name))
  const sizes = [...new Set(points.flatMap(({ selection, percent }) => (selection === 'none' ? [] : [percent])))]
  const at = (name: string, size: number) =>
    points.find(({ selection, percent }) => selection === name && percent === size)
  const rows = sizes
    .toSorted((a, b) => a - b)
    .map((size) => [`${size} %`, ...named.map((name) => accuracyOf(at(name, size)))])
  return [
    '',
    `${readingTitles[reading]}. Without any thinking: ${accuracyOf(at('none', 0))}`,
    ...(rows.length === 0 ? [] : [formatTable([['kept', ...named], ...rows])]),
    '',
  ]
}

function thinksAgain({ thoughtAgain }: ParetoPoint): boolean {
  return thoughtAgain > 0.5
}

function accuracyOf(point: ParetoPoint | undefined): string {
  if (!point) return '-'
  const range = intervalText(point.accuracy, (value) => percent(value, 0))
  const parts = [percent(point.accuracy.mean), range, thinksAgain(point) ? '*' : '']
  return parts
    .filter((part) => part !== '')
    .join(' ')
    .replaceAll(' %', '%')
}

function publishedLine(): string {
  const loss = (selection: 'top' | 'random', size: number) => {
    const { least, most, panels } = publishedLoss(selection, size) ?? { least: NaN, most: NaN, panels: 0 }
    // Without a sign of its own, zero.
    const whole = (value: number) => String(Math.round(value) + 0)
    return `${selection} ${size} % ${whole(least)} to ${whole(most)} (${panels})`
  }
  return `Published, points below all of the thinking (panels, of ${publishedPareto.length} of two other models, read off the pictures): ${loss('top', 2)}, ${loss('top', 10)}, ${loss('top', 50)}, ${loss('random', 50)}. Only complete traces are in it: all of their thinking is up to ${Math.round(fullAboveTable().most)} points above Table 1.`
}
