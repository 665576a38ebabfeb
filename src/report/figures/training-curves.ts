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
        description: `Over ${training.history.length} epochs; at the end tau ${last?.kendallTau?.toFixed(2) ?? '?'}, and ${String(Math.round(100 * (last?.overlap['30'] ?? NaN)))} % of the true top 20 % in the predicted top 30 %.`,
        settings: `${training.model.name} · ${training.data.heldOut.traces} held-out traces, ${training.data.heldOut.tokens} tokens`,
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
  const panel = (fields: readonly string[], title: string, scheme: string) => ({
    width: 220,
    height: 200,
    transform: [{ fold: [...fields], as: ['series', 'value'] }, { filter: 'isValid(datum.value)' }],
    mark: { type: 'line' as const, point: { size: 20 } },
    encoding: {
      x: { field: 'epoch', type: 'quantitative' as const, axis: { tickMinStep: 1 } },
      y: { field: 'value', type: 'quantitative' as const, title, scale: { zero: false } },
      color: {
        field: 'series',
        type: 'nominal' as const,
        sort: [...fields],
        scale: { scheme },
        legend: { columns: 2 },
      },
      strokeDash: { field: 'series', type: 'nominal' as const, sort: [...fields] },
    },
  })
  return {
    config: themeConfig,
    data: { values: [...rows] },
    spacing: 30,
    hconcat: [
      panel(['training MSE', 'held-out MSE'], 'mean squared error', 'category10'),
      panel(['tau'], 'Kendall’s tau-b', 'category10'),
      panel(overlaps, 'true top 20 % found (%)', 'viridis'),
    ],
    resolve: { scale: { color: 'independent', strokeDash: 'independent' } },
  } as TopLevelSpec
}
