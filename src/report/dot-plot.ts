/** Policies as rows, a value of each as a point with its interval: one panel for each value, side by side. */
import type { TopLevelSpec } from 'vega-lite'
import { singleValueDomain } from './scale-domain.ts'
import { ink, policyLooks, themeConfig } from './theme.ts'
import type { Row } from './figure.ts'

export interface DotPanel {
  /** The column with the value; `FIELD low` and `FIELD high` have its interval. */
  readonly field: string
  readonly title: string
  readonly format?: string
  /** Whether the axis begins at 0. */
  readonly fromZero?: boolean
  /** Where a thin line stands, e.g. at 1 of a ratio. */
  readonly line?: number
  /** The column with what the paper printed, drawn as an open diamond where a row has it. */
  readonly published?: string
}

/** @param rows have a column `policy`, and are drawn from top to bottom */
export function dotPlot(rows: readonly Row[], panels: readonly DotPanel[]): TopLevelSpec {
  const looks = policyLooks(rows.map(({ policy }) => String(policy)))
  const colour = {
    field: 'policy',
    type: 'nominal' as const,
    scale: { domain: looks.domain, range: looks.colours },
    legend: null,
  }
  return {
    config: themeConfig,
    data: { values: [...rows] },
    spacing: 24,
    hconcat: panels.map(({ field, title: plainTitle, format, fromZero = false, line, published }, i) => {
      const isPublished = published !== undefined && rows.some((row) => typeof row[published] === 'number')
      const title = isPublished ? `${plainTitle}; ◇ published` : plainTitle
      // Else the axis of a value that is 0 everywhere has no length.
      const isZero = fromZero && rows.every((row) => !row[field] && !row[`${field} high`])
      const columns = [field, `${field} low`, `${field} high`, ...(published === undefined ? [] : [published])]
      const single = fromZero ? undefined : singleValueDomain(rows, columns)
      const x = (column: string) => ({
        field: column,
        type: 'quantitative' as const,
        title,
        scale: isZero ? { domain: [0, 1] } : single ? { domain: single } : { zero: fromZero, nice: true },
        axis: { tickCount: 5, ...(format === undefined ? {} : { format }) },
      })
      const y = {
        field: 'policy',
        type: 'nominal' as const,
        sort: looks.domain,
        title: null,
        axis:
          i === 0
            ? { labelLimit: 340, labelPadding: 8, ticks: false, domain: false }
            : { labels: false, ticks: false, domain: false },
      }
      return {
        width: Math.round(520 / panels.length + 60),
        height: { step: 24 },
        layer: [
          ...(line === undefined
            ? []
            : [
                { mark: { type: 'rule' as const, strokeDash: [3, 3], opacity: 0.6 }, encoding: { x: { datum: line } } },
              ]),
          {
            transform: [{ filter: `isValid(datum['${field} low'])` }],
            mark: { type: 'rule' as const, strokeWidth: 2 },
            encoding: { x: x(`${field} low`), x2: { field: `${field} high` }, y, color: colour },
          },
          {
            mark: { type: 'point' as const, filled: true, size: 70, opacity: 1 },
            encoding: {
              x: x(field),
              y,
              color: colour,
              shape: {
                field: 'policy',
                type: 'nominal' as const,
                scale: { domain: looks.domain, range: looks.forms },
                legend: null,
              },
            },
          },
          ...(isPublished
            ? [
                {
                  transform: [{ filter: `isValid(datum['${published}'])` }],
                  mark: { type: 'point' as const, shape: 'diamond', filled: false, size: 90, opacity: 1, stroke: ink },
                  encoding: { x: x(published), y },
                },
              ]
            : []),
        ],
      }
    }),
  }
}
