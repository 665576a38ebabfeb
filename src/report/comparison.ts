/** Pictures that compare policies at one setting each: a row for every policy, by one task after another. */
import { dotPlot, type DotPanel } from './dot-plot.ts'
import { evalTasks, settingsOf, type EvalTask, type NamedConfiguration } from './eval-rows.ts'
import type { Picture, Row } from './figure.ts'
import { publishedNote } from './published-columns.ts'
import type { ReportSources } from './sources.ts'

export interface Comparison {
  /** The columns of a policy; undefined: the run does not have them. */
  readonly row: (one: NamedConfiguration, of: EvalTask) => Row | undefined
  /** Ascending order of rows; default: that of the run. */
  readonly order?: (row: Row) => number
  readonly panels: readonly DotPanel[]
  /** One sentence for who does not see the picture. */
  readonly description: (rows: readonly Row[]) => string
}

/** One picture for each task that has rows; none for a sweep, in which a policy is there several times. */
export function compare(
  { evaluations }: Pick<ReportSources, 'evaluations'>,
  { row, order, panels, description }: Comparison,
): Picture[] {
  return evalTasks(evaluations).flatMap((one) => {
    const { configurations } = one
    const found = configurations.flatMap((configuration) => {
      const columns = row(configuration, one)
      const { name, budget } = configuration
      return columns ? [{ configuration, row: { policy: name, B: budget, ...columns } }] : []
    })
    const isSweep = new Set(found.map(({ configuration }) => configuration.name)).size < found.length
    if (found.length === 0 || isSweep) return []
    const unordered = found.map((each) => each.row)
    const rows = order ? unordered.sort((a, b) => order(a) - order(b)) : unordered
    const settings = settingsOf({ ...one, configurations: found.map(({ configuration }) => configuration) })
    const published = panels.some((panel) => panel.published !== undefined) ? publishedNote(one) : undefined
    return [
      {
        title: one.task.task,
        description: description(rows),
        settings: published === undefined ? settings : `${settings} · ${published}`,
        rows,
        spec: dotPlot(rows, panels),
      },
    ]
  })
}
