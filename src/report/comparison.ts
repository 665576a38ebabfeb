/** Pictures that compare policies at one setting each: a row for every policy, by one task after another. */
import { shareText } from '../cache/budget.ts'
import { dotPlot, type DotPanel } from './dot-plot.ts'
import { evalTasks, settingsOf, type EvalTask, type NamedConfiguration } from './eval-rows.ts'
import type { Picture, Row } from './figure.ts'
import { meansOverTasks } from './mean-over-tasks.ts'
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
  /** Whether the settings of a sweep have pictures of their own. */
  readonly sweeps?: boolean
  /** Whether it is of means over tasks, and not of each task. */
  readonly isMean?: boolean
}

/** More pictures of a task than these compare nothing at a glance. */
const mostSettings = 6

/**
 * One picture for each task that has rows. Of a sweep, in which a policy is there several times, none; or, where `sweeps` says so, one for
 * each setting at which several policies were run, if these are few.
 */
export function compare(
  { evaluations }: Pick<ReportSources, 'evaluations'>,
  { row, order, panels, description, sweeps = false, isMean = false }: Comparison,
): Picture[] {
  return (isMean ? meansOverTasks(evaluations) : evalTasks(evaluations)).flatMap((one) => {
    const { configurations } = one
    const measured = configurations.flatMap((configuration) => {
      const columns = row(configuration, one)
      const { name, budget } = configuration
      return columns ? [{ configuration, row: { policy: name, B: budget, ...columns } }] : []
    })
    const groups = repeats(measured) ? (sweeps ? bySetting(measured) : []) : [measured]
    return groups
      .filter((found) => found.length > 0 && !repeats(found))
      .map((found) => {
        const unordered = found.map((each) => each.row)
        const rows = order ? unordered.sort((a, b) => order(a) - order(b)) : unordered
        const bounded = found.find(({ configuration: { budget } }) => budget !== null)?.configuration
        const shown = { ...one, configurations: found.map(({ configuration }) => configuration) }
        const settings = settingsOf(shown)
        const published = publishedNote(
          shown,
          panels.flatMap((panel) => panel.published ?? []),
        )
        return {
          title: groups.length > 1 && bounded ? `${one.task.task}, ${settingTitle(bounded)}` : one.task.task,
          from: one.run.from,
          description: description(rows),
          settings: published === undefined ? settings : `${settings} · ${published}`,
          rows,
          spec: dotPlot(rows, panels),
        }
      })
  })
}

interface Measured {
  readonly configuration: NamedConfiguration
  readonly row: Row
}

/** Whether a policy is there several times. */
function repeats(found: readonly Measured[]): boolean {
  return new Set(found.map(({ configuration }) => configuration.name)).size < found.length
}

/** Those that were run at the same setting, where they are several, each with what is not bounded. */
function bySetting(found: readonly Measured[]): Measured[][] {
  const unbounded = found.filter(({ configuration }) => configuration.budget === null)
  const groups = new Map<string, Measured[]>()
  for (const one of found) {
    if (one.configuration.budget === null) continue
    const key = settingTitle(one.configuration)
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  const several = [...groups.values()].filter((group) => group.length > 1)
  const budgetOf = ([one]: Measured[]) => one?.configuration.budget ?? 0
  const ordered = several.toSorted((a, b) => budgetOf(a) - budgetOf(b))
  return ordered.length > mostSettings ? [] : ordered.map((group) => [...unbounded, ...group])
}

function settingTitle({ budget, localWindow, ...share }: NamedConfiguration): string {
  return `B ${budget}, W_l ${localWindow}, ${shareText(share)}`
}

/**
 * Who is first, when rows are in order: several, if they have the same.
 * @param what e.g. `the highest`
 */
export function leaders(rows: readonly Row[], field: string, what: string): string {
  const names = rows.filter((row) => row[field] === rows[0]?.[field]).map((row) => String(row['policy']))
  const last = names.at(-1) ?? ''
  if (names.length === 1) return `${what} has ${last}`
  const all = names.length === rows.length ? 'all of them' : `${names.slice(0, -1).join(', ')} and ${last}`
  return `${all} share ${what}`
}
