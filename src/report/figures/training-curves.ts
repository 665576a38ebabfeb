import type { TopLevelSpec } from 'vega-lite'
import type { Figure, Row } from '../figure.ts'
import { labelPlaces } from '../label-places.ts'
import type { TrainingSource } from '../sources.ts'
import { themeConfig } from '../theme.ts'

export const trainingCurves: Figure = {
  name: 'training-curves',
  title: 'Training of the importance predictor',
  paper: 'Figure 7, Figure 15',
  caption:
    'On held-out traces: the loss, Kendall’s tau-b (it rises as the order gets better; the paper’s “Kendall” falls), and how many of the true ' +
    'top 20 % are in the predicted top p %: a line for each p, with its name at its end.',
  of: 'trainings',
  needs: 'the .metrics.json of dynts train or dynts fit',
  pictures: ({ trainings }) =>
    trainings.map((training) => {
      const rows = rowsOf(training)
      const last = training.history.at(-1)?.heldOut
      return {
        title: training.model.name,
        from: training.from,
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

const size = { width: 190, height: 200 }
const x = { field: 'epoch', type: 'quantitative' as const, axis: { tickMinStep: 1 } }
/** Pixels between two names. */
const labelGap = 14

function curves(rows: readonly Row[]): TopLevelSpec {
  return {
    config: themeConfig,
    data: { values: [...rows] },
    spacing: 30,
    hconcat: [
      panel(['training MSE', 'held-out MSE'], 'mean squared error'),
      panel(['tau'], 'Kendall’s tau-b'),
      overlapPanel(rows),
    ],
    resolve: { scale: { color: 'independent', strokeDash: 'independent' } },
  } as TopLevelSpec
}

function folded(fields: readonly string[]) {
  return [{ fold: [...fields], as: ['series', 'value'] }, { filter: 'isValid(datum.value)' }]
}

function panel(fields: readonly string[], title: string) {
  return {
    ...size,
    transform: folded(fields),
    mark: { type: 'line' as const, strokeWidth: 2 },
    encoding: {
      x,
      y: { field: 'value', type: 'quantitative' as const, title, scale: { zero: false } },
      color: {
        field: 'series',
        type: 'nominal' as const,
        sort: [...fields],
        scale: { range: ['#0a84c6', '#d55e00'] },
        legend: { columns: 1, symbolType: 'stroke' as const, symbolSize: 400, symbolStrokeWidth: 2.5 },
      },
      strokeDash: { field: 'series', type: 'nominal' as const, sort: [...fields] },
    },
  }
}

/** More lines than there are dashes that can be told apart: each has its name beside its end. */
function overlapPanel(rows: readonly Row[]) {
  const fields = Object.keys(rows[0] ?? {}).filter((name) => name.startsWith('top '))
  const values = rows.flatMap((row) => fields.flatMap((name) => row[name] ?? [])).map(Number)
  const domain = { low: Math.min(90, 10 * Math.floor(Math.min(...values) / 10)), high: 100 }
  const ends = fields.flatMap((series) => {
    const last = rows.findLast((row) => typeof row[series] === 'number')
    return last ? [{ series, epoch: Number(last['epoch']), value: Number(last[series]) }] : []
  })
  const gap = (labelGap * (domain.high - domain.low)) / size.height
  const places = labelPlaces(
    ends.map(({ value }) => value),
    gap,
    domain,
  )
  const y = (field: string) => ({
    field,
    type: 'quantitative' as const,
    title: 'true top 20 % found (%)',
    scale: { domain: [domain.low, domain.high], nice: false },
  })
  const color = {
    field: 'series',
    type: 'nominal' as const,
    scale: { domain: [...fields], scheme: { name: 'viridis', extent: [0.3, 0.9] } },
    legend: null,
  }
  const labels = { values: ends.map((end, i) => ({ ...end, place: places[i] })) }
  return {
    ...size,
    layer: [
      {
        transform: folded(fields),
        mark: { type: 'line' as const, strokeWidth: 2 },
        encoding: { x, y: y('value'), color },
      },
      {
        data: labels,
        mark: { type: 'rule' as const, strokeWidth: 1 },
        encoding: { x, x2: { value: size.width + 14 }, y: y('value'), y2: { field: 'place' }, color },
      },
      {
        data: labels,
        mark: { type: 'text' as const, align: 'left' as const, baseline: 'middle' as const, fontSize: 11 },
        encoding: { x: { value: size.width + 18 }, y: y('place'), text: { field: 'series' } },
      },
    ],
  }
}
