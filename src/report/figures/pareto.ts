import type { TopLevelSpec } from 'vega-lite'
import { selections } from '../../analysis/pareto/kept-tokens.ts'
import { readings } from '../../analysis/pareto/pareto-record.ts'
import type { ParetoPoint, ParetoSummary } from '../../analysis/pareto/summarise-pareto.ts'
import { estimateColumns, intervalNote, rounded } from '../eval-rows.ts'
import type { Figure, Row } from '../figure.ts'
import { keptLooks, readingTitles } from '../kept-parts.ts'
import { besides, themeConfig } from '../theme.ts'

export const pareto: Figure = {
  name: 'pareto',
  title: 'How rightly the model answers from a part of its thinking',
  paper: 'Figure 3, Figure 12',
  caption:
    'Right answers when only so much of the thinking is kept: that of highest or lowest importance, random, the newest, or what a predictor ' +
    'holds most important. On the left it is fed again as text, as in the paper; on the right the cells of all other thinking leave the cache, and ' +
    'those that stay keep their positions. Importance was measured with the answer known, so its top may ' +
    'simply hold the answer’s digits; the newest and the predicted do not know it. Open marks: in more than half of the answers the model thought again. The sizes are not to scale, as in the paper.',
  of: 'paretos',
  needs: 'dynts analyze pareto',
  pictures: ({ paretos }) =>
    paretos.map((summary) => {
      const rows = summary.points.map(rowOf)
      const { model, task, traces, questions, samples, thinkingTokens, settings } = summary
      const title = task === undefined ? model.name : `${model.name}, ${task}`
      const full = summary.points.find(({ selection }) => selection === 'full')
      return {
        title,
        from: summary.from,
        description: `Accuracy from parts of the thinking, in ${panelsOf(summary).length} readings; from all of it ${((full?.accuracy.mean ?? 0) * 100).toFixed(0)} %.`,
        settings: [
          title,
          `n = ${questions} questions, ${traces} traces of ${Math.round(thinkingTokens)} thinking tokens on average, answers to each part: ${samples}`,
          `temperature ${settings.temperature}, top-p ${settings.topP}, top-k ${settings.topK}, at most ${settings.maxTokens} tokens`,
          // The random choice follows from it.
          ...(settings.seed === undefined ? [] : [`seed ${settings.seed}`]),
          intervalNote(
            summary.points.map(({ accuracy }) => accuracy),
            'questions',
          ),
        ].join(' · '),
        rows,
        spec: curves(rows, panelsOf(summary)),
      }
    }),
}

/** Accuracy in percent. */
function rowOf({ reading, selection, percent, answers, accuracy, toFull, keptTokens, ...point }: ParetoPoint): Row {
  return {
    reading: reading ?? 'both',
    kept: selection,
    '% of the thinking': percent,
    n: accuracy.items,
    answers,
    ...estimateColumns('accuracy', accuracy, 100),
    ...estimateColumns('to full', toFull, 100),
    'kept tokens': rounded(keptTokens),
    truncated: rounded(point.truncated),
    'thought again': rounded(point.thoughtAgain),
  }
}

function panelsOf({ points }: ParetoSummary) {
  return readings.filter((reading) => points.some((point) => point.reading === reading))
}

function curves(rows: readonly Row[], panels: readonly (typeof readings)[number][]): TopLevelSpec {
  const named = selections.filter((name) => rows.some(({ kept }) => kept === name))
  const scaleOf = (look: 0 | 1) => ({ domain: [...named], range: named.map((name) => keptLooks[name][look]) })
  const color = { field: 'kept', type: 'nominal' as const, scale: scaleOf(0) }
  const shape = { field: 'kept', type: 'nominal' as const, scale: scaleOf(1) }
  const size = {
    field: '% of the thinking',
    type: 'ordinal' as const,
    title: 'kept (% of the thinking)',
    axis: { labelAngle: 0 },
  }
  const y = (field: string) => ({
    field,
    type: 'quantitative' as const,
    title: 'right answers (%)',
    scale: { zero: false },
  })
  const reference = (kept: string, filter: string, dash: number[], label: string) => {
    const transform = [{ filter: `datum.kept === '${kept}'${filter}` }]
    return [
      {
        transform,
        mark: { type: 'rule' as const, strokeDash: dash, strokeWidth: 1.6, color: '#8a8a8a' },
        encoding: { y: y('accuracy') },
      },
      {
        transform,
        mark: { type: 'text' as const, align: 'right' as const, dy: -7, fontSize: 11 },
        encoding: { y: y('accuracy'), x: { value: 'width' as const }, text: { value: label } },
      },
    ]
  }
  return {
    config: themeConfig,
    data: { values: [...rows] },
    spacing: 36,
    hconcat: panels.map((reading) => {
      return {
        title: readingTitles[reading],
        width: 330,
        height: 260,
        layer: [
          ...reference('full', '', [6, 4], 'all of it'),
          ...reference('none', ` && datum.reading === '${reading}'`, [2, 3], 'none of it'),
          ...named.flatMap((kept, i) => {
            const along = `datum.reading === '${reading}' && datum.kept === '${kept}'`
            const xOffset = besides(i, named.length)
            return [
              {
                transform: [{ filter: `${along} && isValid(datum['accuracy low'])` }],
                mark: { type: 'rule' as const, strokeWidth: 1.2, opacity: 0.7, xOffset },
                encoding: { x: size, y: y('accuracy low'), y2: { field: 'accuracy high' }, color },
              },
              {
                transform: [{ filter: along }],
                mark: { type: 'line' as const, strokeWidth: 1.6, xOffset },
                encoding: { x: size, y: y('accuracy'), color },
              },
              ...[true, false].map((filled) => ({
                transform: [{ filter: `${along} && datum['thought again'] ${filled ? '<=' : '>'} 0.5` }],
                mark: { type: 'point' as const, filled, size: 60, opacity: 1, xOffset },
                encoding: { x: size, y: y('accuracy'), color, shape },
              })),
            ]
          }),
        ],
      }
    }),
    resolve: { scale: { y: 'shared' } },
  }
}
