/** The tables of `dynts analyze words`, for people. */
import { publishedContentRange, publishedWords } from '../../analysis/published-words.ts'
import type { ClassEstimates, WordSummary } from '../../analysis/word-shares.ts'
import type { Estimate } from '../../evaluation/metrics/estimate.ts'
import { percent } from '../../percent.ts'
import { counted } from '../output/counted.ts'
import { intervalText, withIntervals } from '../../evaluation/run/table-cells.ts'
import { formatTable } from '../output/table.ts'

export function wordsText(summary: WordSummary): string {
  const { traces, questions, thinkingTokens, all, byDecile, contentDifference } = summary
  const rows = byDecile.map((shares, i) => [decileName(i), ...cells(shares), publishedCells(i)])
  const head = ['of the thinking', 'content words', '', 'function words', 'numbers, symbols', 'published content words']
  return [
    `Over ${counted(questions, 'question')} (${counted(traces, 'trace')}, ${counted(thinkingTokens, 'thinking token')})${withIntervals([all.content])}:`,
    formatTable([head, ...rows, ['all', ...cells(all), '']]),
    `Content words in the first tenth less those in the last: ${pointsOf(contentDifference)}. Published: ${publishedDifferences()} (${counted(publishedWords.length, 'task')} of two other models, another tagger).`,
  ].join('\n')
}

function decileName(decile: number): string {
  return decile === 0 ? 'top 10 %' : `${decile * 10} to ${(decile + 1) * 10} %`
}

function cells({ content, function: functionWords, symbol }: ClassEstimates): string[] {
  return [share(content), intervalText(content, percent), share(functionWords), share(symbol)]
}

function share(estimate: Estimate | null): string {
  return percent(estimate?.mean)
}

function publishedCells(decile: number): string {
  const [least, most] = publishedContentRange[decile] ?? []
  return `${percent(least)} to ${percent(most)}`
}

function pointsOf(estimate: Estimate | null): string {
  if (!estimate) return '-'
  return [`${points(estimate.mean)} points`, intervalText(estimate, points)].filter((text) => text !== '').join(' ')
}

function publishedDifferences(): string {
  const differences = publishedWords.map(({ content }) => (content[0] ?? NaN) - (content.at(-1) ?? NaN))
  return `${points(Math.min(...differences))} to ${points(Math.max(...differences))}`
}

/** Of a difference of shares. */
function points(difference: number): string {
  return `${difference < 0 ? '' : '+'}${(100 * difference).toFixed(1)}`
}
