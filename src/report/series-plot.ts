/** Policies as lines over a setting, each point with its interval. */
import type { TopLevelSpec } from 'vega-lite'
import type { Row } from './figure.ts'
import { singleValueDomain } from './scale-domain.ts'
import { besides, ink, policyLooks, themeConfig } from './theme.ts'

export interface SeriesPanel {
  readonly x: { readonly field: string; readonly title: string }
  readonly y: { readonly field: string; readonly title: string; readonly hasInterval: boolean }
  /** What stands under a value of the setting, an expression of Vega. Default: nothing. */
  readonly below?: string
  /** The column with what the paper printed, drawn as open diamonds where `published` has it. */
  readonly published?: string
}

/**
 * @param rows have a column `policy`; one without a value of the setting (the full cache) is a dashed line across
 * @param published rows of the paper's, which are in no line of ours
 */
export function seriesPlot(
  rows: readonly Row[],
  panels: readonly SeriesPanel[],
  published: readonly Row[] = [],
): TopLevelSpec {
  const looks = policyLooks(rows.map(({ policy }) => String(policy)))
  const domain = looks.domain.filter((policy) =>
    rows.some((row) => row['policy'] === policy && panels.some(({ x }) => row[x.field] !== null)),
  )
  const rangeOf = (all: readonly string[]) => domain.map((policy) => all[looks.domain.indexOf(policy)] ?? '')
  const colour = { field: 'policy', type: 'nominal' as const, scale: { domain, range: rangeOf(looks.colours) } }
  const shape = { field: 'policy', type: 'nominal' as const, scale: { domain, range: rangeOf(looks.forms) } }
  return {
    config: themeConfig,
    data: { values: [...rows, ...published] },
    spacing: 48,
    hconcat: panels.map(({ x, y, below, published: column }) => {
      const isPublished = column !== undefined && published.some((row) => typeof row[column] === 'number')
      const columns = [y.field, `${y.field} low`, `${y.field} high`, ...(column === undefined ? [] : [column])]
      const single = singleValueDomain([...rows, ...published], columns)
      const yOf = (field: string) => ({
        field,
        type: 'quantitative' as const,
        title: isPublished ? `${y.title}; ◇ published` : y.title,
        scale: single ? { domain: single } : { zero: false, padding: 10 },
      })
      const values = [...new Set([...rows, ...published].flatMap((row) => row[x.field] ?? []))].map(Number)
      const xOf = {
        field: x.field,
        type: 'quantitative' as const,
        title: x.title,
        scale: { zero: false, nice: false, padding: 16 },
        axis: {
          values,
          grid: false,
          format: 'd',
          ...(below === undefined ? {} : { labelExpr: `[datum.label, ${below}]` }),
        },
      }
      const across = rows.find((row) => row[x.field] === null && row[y.field] != null)
      const ofAcross = { transform: [{ filter: `datum.policy === ${JSON.stringify(across?.['policy'])}` }] }
      const ofPublished = { transform: [{ filter: `isValid(datum['${column}'])` }] }
      return {
        width: 330,
        height: 280,
        layer: [
          ...(across
            ? [
                {
                  ...ofAcross,
                  mark: { type: 'rule' as const, strokeDash: [6, 4], strokeWidth: 2, color: '#8a8a8a' },
                  encoding: { y: yOf(y.field) },
                },
                {
                  ...ofAcross,
                  mark: { type: 'text' as const, align: 'left' as const, baseline: 'middle' as const, dx: 6 },
                  encoding: { y: yOf(y.field), x: { value: 'width' as const }, text: { field: 'policy' } },
                },
              ]
            : []),
          ...domain.flatMap((policy, i) => {
            const own = `datum.policy === ${JSON.stringify(policy)} && isValid(datum['${x.field}'])`
            // Several policies at one setting would hide each other.
            const xOffset = besides(i, domain.length)
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
          ...(isPublished
            ? [
                {
                  ...ofPublished,
                  mark: { type: 'line' as const, strokeWidth: 1.2, strokeDash: [1, 4], color: ink },
                  encoding: { x: xOf, y: yOf(column) },
                },
                {
                  ...ofPublished,
                  mark: { type: 'point' as const, shape: 'diamond', filled: false, size: 90, opacity: 1, stroke: ink },
                  encoding: { x: xOf, y: yOf(column) },
                },
              ]
            : []),
        ],
      }
    }),
  }
}
