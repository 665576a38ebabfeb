/** Line charts as SVG, several beside each other, with Vega-Lite. */
import type { TopLevelSpec } from 'vega-lite'
import { vegaSvg } from './vega-svg.ts'

export interface LineSeries {
  readonly name: string
  /** [x, y]; a y that is not finite leaves a gap. */
  readonly points: readonly (readonly [number, number])[]
}

export interface LinePanel {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly series: readonly LineSeries[]
}

/** @returns the text of an SVG file */
export async function lineChartSvg(title: string, panels: readonly LinePanel[]): Promise<string> {
  return await vegaSvg(specOf(title, panels))
}

/** About as many. Scale and axis use the same, so that each panel's axis ends in a tick, and the titles are level. */
const yTicks = 6

function specOf(title: string, panels: readonly LinePanel[]): TopLevelSpec {
  return {
    title: { text: title, anchor: 'middle', fontSize: 15, offset: 16 },
    background: 'white',
    padding: 16,
    spacing: 40,
    config: { axis: { labelFontSize: 11, titleFontSize: 12, titlePadding: 8 } },
    hconcat: panels.map(({ title, xLabel, yLabel, series }) => ({
      title: { text: title, frame: 'group' as const, anchor: 'start' as const, offset: 12 },
      width: 360,
      height: 240,
      data: {
        values: series.flatMap(({ name, points }) =>
          points.map(([x, y]) => ({ series: name, x, y: Number.isFinite(y) ? y : null })),
        ),
      },
      mark: { type: 'line' as const, point: true, invalid: 'break-paths-show-path-domains' as const },
      encoding: {
        x: { field: 'x', type: 'quantitative' as const, title: xLabel, axis: { tickMinStep: 1, labelFlush: false } },
        y: {
          field: 'y',
          type: 'quantitative' as const,
          title: yLabel,
          scale: { zero: false, nice: yTicks },
          axis: { tickCount: yTicks },
        },
        color: {
          field: 'series',
          type: 'nominal' as const,
          // In the order in which they are given.
          sort: series.map(({ name }) => name),
          legend: { title: null, orient: 'bottom' as const, columns: 1, labelLimit: 0, labelFontSize: 12, offset: 8 },
        },
      },
    })),
    // Each panel has series, and so colours, of its own.
    resolve: { scale: { color: 'independent' } },
  }
}
