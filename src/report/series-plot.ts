/** Policies as lines over a setting or a cost, each point with its interval. */
import type { TopLevelSpec } from 'vega-lite'
import type { Row } from './figure.ts'
import { policyLooks, themeConfig } from './theme.ts'

export interface SeriesPanel {
  readonly x: { readonly field: string; readonly title: string }
  readonly y: { readonly field: string; readonly title: string; readonly hasInterval: boolean }
}

/** @param rows have a column `policy`; one without a value on the x axis (the full cache) is a dashed line across */
export function seriesPlot(rows: readonly Row[], panels: readonly SeriesPanel[]): TopLevelSpec {
  const looks = policyLooks(rows.map(({ policy }) => String(policy)))
  const colour = { field: 'policy', type: 'nominal' as const, scale: { domain: looks.domain, range: looks.colours } }
  const shape = { field: 'policy', type: 'nominal' as const, scale: { domain: looks.domain, range: looks.forms } }
  return {
    config: themeConfig,
    data: { values: [...rows] },
    spacing: 40,
    hconcat: panels.map(({ x, y }) => {
      const across = `!isValid(datum['${x.field}'])`
      const along = `isValid(datum['${x.field}'])`
      const yOf = (field: string) => ({ field, type: 'quantitative' as const, title: y.title, scale: { zero: false } })
      const xOf = { field: x.field, type: 'quantitative' as const, title: x.title, scale: { zero: false } }
      return {
        width: 330,
        height: 250,
        layer: [
          {
            transform: [{ filter: across }],
            mark: { type: 'rule' as const, strokeDash: [6, 4], strokeWidth: 2 },
            encoding: { y: yOf(y.field), color: colour },
          },
          ...(y.hasInterval
            ? [
                {
                  transform: [{ filter: `${along} && isValid(datum['${y.field} low'])` }],
                  mark: { type: 'rule' as const, strokeWidth: 1.2, opacity: 0.7 },
                  encoding: { x: xOf, y: yOf(`${y.field} low`), y2: { field: `${y.field} high` }, color: colour },
                },
              ]
            : []),
          {
            transform: [{ filter: along }],
            mark: { type: 'line' as const, strokeWidth: 1.6 },
            encoding: { x: xOf, y: yOf(y.field), color: colour },
          },
          {
            transform: [{ filter: along }],
            mark: { type: 'point' as const, filled: true, size: 60, opacity: 1 },
            encoding: { x: xOf, y: yOf(y.field), color: colour, shape },
          },
        ],
      }
    }),
  }
}
