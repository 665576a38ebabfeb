import type { TopLevelSpec } from 'vega-lite'
import { publishedWindowSweep } from '../../analysis/published-sweeps.ts'
import { estimateColumns, evalTasks, settingsOf, valuesOf, type EvalTask } from '../eval-rows.ts'
import type { Figure, Picture, Row } from '../figure.ts'
import { meansOverTasks } from '../mean-over-tasks.ts'
import { publishedPass } from '../published-columns.ts'
import { publishedSeries, publishedSweepNote, publishedSweepOf, publishedSweepRows } from '../published-sweep-rows.ts'
import { themeConfig } from '../theme.ts'
import { firstUnmet, sampled, severalWindowsAndRatios } from '../eval-lacks.ts'

export const windowRatio: Figure = {
  name: 'window-ratio',
  title: 'Accuracy by local window and retention ratio',
  paper: 'Figure 6, Figure 17',
  caption:
    'Pass@1 in each square, with half the width of its 95 % interval: where the squares differ by less than that, they do not differ as far as ' +
    'these problems tell. Beside dynts the controls, at the same settings. A panel “published”, if there is one, has what the paper printed, without intervals.',
  of: 'evaluations',
  needs: 'dynts eval --preset window-ratio',
  lacks: firstUnmet(sampled, severalWindowsAndRatios),
  pictures: ({ evaluations }) => [...evalTasks(evaluations), ...meansOverTasks(evaluations)].flatMap(pictureOf),
}

function pictureOf(one: EvalTask): Picture[] {
  const sampled = one.configurations.filter(({ sampling, budget }) => sampling !== null && budget !== null)
  const [windows, ratios] = [
    valuesOf(sampled, ({ localWindow }) => localWindow),
    valuesOf(sampled, ({ ratio }) => ratio),
  ]
  if (windows.length < 2 || ratios.length < 2) return []
  const full = one.configurations.find(({ budget }) => budget === null)?.sampling?.pass1
  const rows = sampled.map(({ name, budget, localWindow, ratio, sampling }): Row => {
    const { pass1 } = sampling ?? {}
    const half = pass1?.interval ? (50 * (pass1.interval.high - pass1.interval.low)).toFixed(0) : '?'
    return {
      policy: name,
      B: budget,
      'local window': localWindow,
      ratio,
      n: pass1?.items ?? 0,
      ...estimateColumns('Pass@1', pass1, 100),
      label: `${(100 * (pass1?.mean ?? NaN)).toFixed(0)} ±${half}`,
    }
  })
  const sweep = publishedSweepOf(one, publishedWindowSweep)
  const published = sweep
    ? publishedSweepRows(one, sweep).map((row) => ({ ...row, label: Number(row[publishedPass]).toFixed(1) }))
    : []
  return [
    {
      title: one.task.task,
      from: one.run.from,
      description: `Pass@1 at ${windows.length} local windows and ${ratios.length} ratios, for ${new Set(rows.map(({ policy }) => policy)).size} policies.`,
      settings: [
        settingsOf({ ...one, configurations: sampled }),
        ...(full ? [`full cache ${(100 * full.mean).toFixed(0)} %`] : []),
        ...(sweep ? [publishedSweepNote(sweep)] : []),
      ].join(' · '),
      rows: [...rows, ...published],
      spec: heatMaps([...rows, ...published]),
    },
  ]
}

/** One map for each policy, and one for what was published. */
function heatMaps(rows: readonly Row[]): TopLevelSpec {
  const values = rows.map(passOf)
  const dark = Math.min(...values) + 0.62 * (Math.max(...values) - Math.min(...values))
  const x = { field: 'ratio', type: 'ordinal' as const, title: 'retention ratio', axis: { labelAngle: 0 } }
  const y = {
    field: 'local window',
    type: 'ordinal' as const,
    sort: 'descending' as const,
    title: 'local window (cells)',
  }
  return {
    config: themeConfig,
    data: { values: rows.map((row) => ({ ...row, shown: passOf(row) })) },
    facet: {
      field: 'policy',
      type: 'nominal',
      title: null,
      sort: orderOf(rows),
    },
    columns: 3,
    spec: {
      width: { step: 70 },
      height: { step: 40 },
      layer: [
        {
          mark: { type: 'rect' },
          encoding: {
            x,
            y,
            color: {
              field: 'shown',
              type: 'quantitative',
              scale: { scheme: 'yellowgreenblue', zero: false },
              // Of one value alone the format would be that of a range without width.
              legend: { title: 'Pass@1 (%)', gradientLength: 220, format: '.1~f' },
            },
          },
        },
        {
          mark: { type: 'text', fontSize: 11 },
          encoding: {
            x,
            y,
            text: { field: 'label' },
            // On the dark part of the scale the numbers are light, whatever the page is.
            color: { condition: { test: `datum.shown > ${dark}`, value: '#ffffff' }, value: '#1a1a1a' },
          },
        },
      ],
    },
    resolve: { axis: { x: 'independent' } },
  }
}

/** As they were run; what was published stands beside the policy that it is of. */
function orderOf(rows: readonly Row[]): string[] {
  const policies = [...new Set(rows.map(({ policy }) => String(policy)))]
  const own = policies.filter((policy) => policy !== publishedSeries)
  return own.length === policies.length ? own : own.toSpliced(own.indexOf('dynts') + 1, 0, publishedSeries)
}

function passOf(row: Row): number {
  return Number(row['Pass@1'] ?? row[publishedPass])
}
