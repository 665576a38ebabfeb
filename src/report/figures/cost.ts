import type { TopLevelSpec } from 'vega-lite'
import { rounded } from '../eval-rows.ts'
import type { Figure, Row } from '../figure.ts'
import type { CostSource } from '../sources.ts'
import { ink, themeConfig } from '../theme.ts'

const quantities = ['cells', 'operations', 'bytes read'] as const
const published = { cells: 'published, cells', operations: 'published, operations' } as const

export const cost: Figure = {
  name: 'cost',
  title: 'What a step costs, by the formulas',
  paper: 'Figure 5, Figure 14 (ratios)',
  caption:
    'Cells, operations and bytes of a step right after each eviction, to those of the full cache at the same length; the predictor is in them, its scoring deferred. Computed, not measured. ' +
    'Open marks, if there are any: what the paper printed for these settings. Its ratios of cells follow from the formulas, those of operations do not.',
  of: 'costs',
  needs: 'dynts analyze cost --output cost.json',
  lacks: () => 'nothing is evicted at the settings of dynts analyze cost',
  pictures: ({ costs }) =>
    costs.flatMap((source) => {
      const rows = rowsOf(source)
      const last = rows.at(-1)
      if (!last) return []
      const { shape, settings, published: printed } = source
      const { budget, localWindow, ratio, promptCells, textLength, sequences, kvType } = settings
      return [
        {
          title: shape.name,
          from: source.from,
          description: `After ${rows.length} evictions a step has ${String(last['cells'])} of the full cache’s cells, ${String(last['operations'])} of its operations, and reads ${String(last['bytes read'])} of its bytes.`,
          settings: [
            `${shape.name} · B ${budget}, W_l ${localWindow}, ratio ${ratio}`,
            `a prompt of ${promptCells} in ${textLength} tokens, sequences in a step: ${sequences}, ${kvType}`,
            ...(printed ? [`published: Figure ${printed.figure} of the paper, one run`] : []),
          ].join(' · '),
          rows,
          spec: ratios(rows),
        },
      ]
    }),
}

/** Right after each eviction. */
function rowsOf({ points, published: printed }: CostSource): Row[] {
  return points
    .filter(({ evicts }) => evicts)
    .map(({ tokens, evictions, cells, flops, bytes }) => ({
      ...{ tokens, evictions },
      ...{ cells: hundredths(cells.ratio), operations: hundredths(flops.ratio), 'bytes read': hundredths(bytes.ratio) },
      ...(printed
        ? {
            [published.cells]: printed.cellRatios[evictions - 1] ?? null,
            [published.operations]: printed.flopsRatios[evictions - 1] ?? null,
          }
        : {}),
    }))
}

function hundredths(ratio: number): number {
  return rounded(Math.round(100 * ratio) / 100)
}

function ratios(rows: readonly Row[]): TopLevelSpec {
  const scaleOf = (range: string[]) => ({ domain: [...quantities], range })
  const color = { field: 'what', type: 'nominal' as const, scale: scaleOf(['#d55e00', '#0a84c6', '#009e73']) }
  const shape = { field: 'what', type: 'nominal' as const, scale: scaleOf(['circle', 'square', 'triangle-up']) }
  const x = {
    field: 'tokens',
    type: 'quantitative' as const,
    title: 'tokens of the sequence',
    scale: { zero: false, nice: false, padding: 12 },
  }
  const y = { field: 'ratio', type: 'quantitative' as const, title: ['to the full cache,', 'right after an eviction'] }
  return {
    config: themeConfig,
    data: { values: [...rows] },
    width: 560,
    height: 280,
    layer: [
      {
        transform: [{ fold: [...quantities], as: ['what', 'ratio'] }],
        mark: { type: 'line' as const, strokeWidth: 1.6 },
        encoding: { x, y, color },
      },
      {
        transform: [{ fold: [...quantities], as: ['what', 'ratio'] }],
        mark: { type: 'point' as const, filled: true, size: 60, opacity: 1 },
        encoding: { x, y, color, shape },
      },
      ...Object.entries(published).map(([what, column]) => ({
        transform: [
          { filter: `isValid(datum['${column}'])` },
          { calculate: `datum['${column}']`, as: 'ratio' },
          { calculate: `'${what}'`, as: 'what' },
        ],
        mark: { type: 'point' as const, filled: false, size: 150, opacity: 1, stroke: ink },
        encoding: { x, y, shape },
      })),
    ],
  }
}
