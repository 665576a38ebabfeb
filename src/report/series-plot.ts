/** Policies as lines over a setting or a cost, each point with its interval. */
import type { TopLevelSpec } from 'vega-lite'
import type { Row } from './figure.ts'
import { besides, policyLooks, themeConfig } from './theme.ts'

export interface SeriesPanel {
  readonly x: { readonly field: string; readonly title: string }
  readonly y: { readonly field: string; readonly title: string; readonly hasInterval: boolean }
  /** What the x axis has are the values of a setting. */
  readonly isSetting?: boolean
}

/** @param rows have a column `policy`; one without a value on the x axis (the full cache) is a dashed line across */
export function seriesPlot(rows: readonly Row[], panels: readonly SeriesPanel[]): TopLevelSpec {
  const looks = policyLooks(rows.map(({ policy }) => String(policy)))
  const domain = looks.domain.filter((policy) =>
    rows.some((row) => row['policy'] === policy && panels.some(({ x }) => row[x.field] !== null)),
  )
  const rangeOf = (all: readonly string[]) => domain.map((policy) => all[looks.domain.indexOf(policy)] ?? '')
  const colour = { field: 'policy', type: 'nominal' as const, scale: { domain, range: rangeOf(looks.colours) } }
  const shape = { field: 'policy', type: 'nominal' as const, scale: { domain, range: rangeOf(looks.forms) } }
  const across = rows.find((row) => panels.some(({ x }) => row[x.field] === null))
  return {
    config: themeConfig,
    data: { values: [...rows] },
    spacing: 40,
    hconcat: panels.map(({ x, y, isSetting = false }) => {
      const yOf = (field: string) => ({ field, type: 'quantitative' as const, title: y.title, scale: { zero: false } })
      const values = isSetting ? [...new Set(rows.flatMap((row) => row[x.field] ?? []))].map(Number) : undefined
      const xOf = {
        field: x.field,
        type: 'quantitative' as const,
        title: x.title,
        scale: { zero: false, nice: false, padding: 16 },
        axis: values ? { values, grid: false } : { tickCount: 6 },
      }

      return {
        width: 330,
        height: 250,
        layer: [
          ...(across
            ? [
                {
                  transform: [{ filter: `!isValid(datum['${x.field}'])` }],
                  mark: { type: 'rule' as const, strokeDash: [6, 4], strokeWidth: 2, color: '#8a8a8a' },
                  encoding: { y: yOf(y.field) },
                },
                {
                  transform: [{ filter: `!isValid(datum['${x.field}'])` }],
                  mark: { type: 'text' as const, align: 'right' as const, dy: -8 },
                  encoding: { y: yOf(y.field), x: { value: 'width' as const }, text: { field: 'policy' } },
                },
              ]
            : []),
          ...domain.flatMap((policy, i) => {
            const own = `datum.policy === ${JSON.stringify(policy)} && isValid(datum['${x.field}'])`
            // Several policies at one setting would hide each other.
            const xOffset = isSetting ? besides(i, domain.length) : 0
            return [
              ...(y.hasInterval
                ? [
                    {
                      transform: [{ filter: `${own} && isValid(datum['${y.field} low'])` }],
                      mark: { type: 'rule' as const, strokeWidth: 1.2, opacity: 0.7, xOffset },
                      encoding: { x: xOf, y: yOf(`${y.field} low`), y2: { field: `${y.field} high` }, color: colour },
                    },
                  ]
                : []),
              {
                transform: [{ filter: own }],
                mark: { type: 'line' as const, strokeWidth: 1.6, xOffset },
                encoding: { x: xOf, y: yOf(y.field), color: colour },
              },
              {
                transform: [{ filter: own }],
                mark: { type: 'point' as const, filled: true, size: 60, opacity: 1, xOffset },
                encoding: { x: xOf, y: yOf(y.field), color: colour, shape },
              },
            ]
          }),
        ],
      }
    }),
  }
}
