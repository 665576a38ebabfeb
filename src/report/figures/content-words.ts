import type { TopLevelSpec } from 'vega-lite'
import { publishedContentRange } from '../../analysis/published-words.ts'
import { estimateColumns, intervalNote, rounded } from '../eval-rows.ts'
import type { Figure, Row } from '../figure.ts'
import type { WordsSource } from '../sources.ts'
import { themeConfig } from '../theme.ts'

const series = ['content words', 'numbers and symbols', 'function words']

export const contentWords: Figure = {
  name: 'content-words',
  title: 'What kind of words the important tokens are',
  paper: 'Figure 9',
  caption:
    'The thinking’s tokens by falling importance, in ten equal parts: the shares of content words (nouns, verbs, adjectives, adverbs, names), of ' +
    'numbers and symbols, and of function words. Between the two marks in each bar are the content words of the twelve panels that the paper ' +
    'printed, of two other models and with another tagger; numbers are function words there.',
  of: 'words',
  needs: 'dynts analyze words --output words.json',
  pictures: ({ words }) =>
    words.map((source) => {
      const rows = rowsOf(source)
      const { traces, questions, thinkingTokens, byDecile } = source.summary
      const intervals = intervalNote(
        byDecile.map(({ content: share }) => share),
        'questions',
      )
      const content = (row: Row | undefined) => `${Number(row?.[series[0] ?? '']).toFixed(0)} %`
      return {
        title: source.model.name,
        from: source.from,
        description: `Of the most important tenth of the tokens ${content(rows[0])} are content words, of the least important ${content(rows.at(-1))}.`,
        settings: `${source.model.name} · n = ${questions} questions, ${traces} traces, ${thinkingTokens} thinking tokens · means over questions · ${intervals}`,
        rows,
        spec: bars(rows),
      }
    }),
}

/** Percent. */
function rowsOf({ summary }: WordsSource): Row[] {
  return summary.byDecile.map((shares, i) => {
    const [least, most] = publishedContentRange[i] ?? [NaN, NaN]
    return {
      part: i === 0 ? 'top 10 %' : `${10 * i} to ${10 * (i + 1)} %`,
      ...estimateColumns('content words', shares.content, 100),
      ...estimateColumns('numbers and symbols', shares.symbol, 100),
      ...estimateColumns('function words', shares.function, 100),
      'published, least': rounded(100 * least),
      'published, most': rounded(100 * most),
    }
  })
}

function bars(rows: readonly Row[]): TopLevelSpec {
  const y = { field: 'part', type: 'nominal' as const, sort: rows.map(({ part }) => String(part)), title: null }
  const percent = { type: 'quantitative' as const, title: 'share of the tokens (%)', scale: { domain: [0, 100] } }
  const mark = (field: string) => ({
    mark: { type: 'tick' as const, thickness: 2, size: 9, yOffset: 7, color: '#1a1a1a' },
    encoding: { y, x: { field, ...percent } },
  })
  return {
    config: themeConfig,
    data: { values: [...rows] },
    width: 560,
    height: { step: 26 },
    layer: [
      {
        transform: [
          { fold: series, as: ['words', 'share'] },
          { calculate: `indexof(${JSON.stringify(series)}, datum.words)`, as: 'order' },
        ],
        mark: { type: 'bar' as const },
        encoding: {
          y,
          x: { field: 'share', ...percent, stack: 'zero' as const },
          color: {
            field: 'words',
            type: 'nominal' as const,
            scale: { domain: series, range: ['#e58a4a', '#8ec5e8', '#c8c8c8'] },
          },
          order: { field: 'order', type: 'quantitative' as const },
        },
      },
      mark('published, least'),
      mark('published, most'),
      ...series.map((words, i) => ({
        transform: [
          { filter: `datum['${words}'] >= 8` },
          { calculate: `format(datum['${words}'], '.0f') + ' %'`, as: 'label' },
          { calculate: series.slice(0, i).reduce((sum, before) => `${sum} + datum['${before}']`, '0'), as: 'from' },
        ],
        mark: {
          ...{ type: 'text' as const, align: 'left' as const, dx: 4, dy: -4, color: '#1a1a1a' },
          fontWeight: i === 0 ? ('bold' as const) : ('normal' as const),
        },
        encoding: { y, x: { field: 'from', ...percent }, text: { field: 'label' } },
      })),
    ],
  }
}
