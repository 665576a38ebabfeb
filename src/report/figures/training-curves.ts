import type { TopLevelSpec } from 'vega-lite'
import type { Figure, Row } from '../figure.ts'
import type { TrainingSource } from '../sources.ts'
import { themeConfig } from '../theme.ts'

export const trainingCurves: Figure = {
  name: 'training-curves',
  title: 'Training of the importance predictor',
  paper: 'Figure 7, Figure 15',
  caption:
    'On held-out traces: the loss, Kendall’s tau-b (it rises as the order gets better; the paper’s “Kendall” falls), and how many of the true ' +
    'top 20 % are in the predicted top p %.',
  needs: 'the .metrics.json of dynts train or dynts fit',
  pictures: ({ trainings }) =>
    trainings.map((training) => {
      const rows = rowsOf(training)
      const last = training.history.at(-1)?.heldOut
      return {
        title: training.model.name,
        description: `Over ${training.history.at(-1)?.epoch ?? 0} epochs; at the end tau ${last?.kendallTau?.toFixed(2) ?? '?'}, and ${String(Math.round(100 * (last?.overlap['30'] ?? NaN)))} % of the true top 20 % in the predicted top 30 %.`,
        settings: `${training.model.name} · n = ${training.data.heldOut.tokens} tokens, held-out traces: ${training.data.heldOut.traces}`,
        rows,
        spec: curves(rows),
      }
    }),
}

function rowsOf({ history }: TrainingSource): Row[] {
  return history.map(({ epoch, trainingMse, heldOut }) => ({
    epoch,
    'training MSE': trainingMse,
    'held-out MSE': heldOut.mse,
    tau: heldOut.kendallTau,
    ...Object.fromEntries(
      Object.entries(heldOut.overlap).map(([p, share]) => [`top ${p} %`, share === null ? null : 100 * share]),
    ),
  }))
}

function curves(rows: readonly Row[]): TopLevelSpec {
  const overlaps = Object.keys(rows[0] ?? {}).filter((name) => name.startsWith('top '))
  const panel = (fields: readonly string[], title: string) => ({
    width: 190,
    height: 200,
    transform: [{ fold: [...fields], as: ['series', 'value'] }, { filter: 'isValid(datum.value)' }],
    mark: { type: 'line' as const, strokeWidth: 2 },
    encoding: {
      x: { field: 'epoch', type: 'quantitative' as const, axis: { tickMinStep: 1 } },
      y: { field: 'value', type: 'quantitative' as const, title, scale: { zero: false } },
      color: {
        field: 'series',
        type: 'nominal' as const,
        sort: [...fields],
        scale:
          fields.length > 2 ? { scheme: { name: 'viridis', extent: [0.3, 0.9] } } : { range: ['#0a84c6', '#d55e00'] },
        legend: {
          columns: fields.length > 2 ? 2 : 1,
          symbolType: 'stroke' as const,
          symbolSize: 400,
          symbolStrokeWidth: 2.5,
        },
      },
      strokeDash: { field: 'series', type: 'nominal' as const, sort: [...fields] },
    },
  })
  return {
    config: themeConfig,
    data: { values: [...rows] },
    spacing: 30,
    hconcat: [
      panel(['training MSE', 'held-out MSE'], 'mean squared error'),
      panel(['tau'], 'Kendall’s tau-b'),
      panel(overlaps, 'true top 20 % found (%)'),
    ],
    resolve: { scale: { color: 'independent', strokeDash: 'independent' } },
  } as TopLevelSpec
}
