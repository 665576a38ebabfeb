/**
 * A grid of settings as matrices, one for each policy. Computes nothing.
 */
import type { Estimate } from '../metrics/estimate.ts'
import type { ConfigurationSummary } from './summarise.ts'
import { percent } from '../../percent.ts'
import { markdown, policyName, signed } from './table-cells.ts'

/** What a grid can vary, from the outermost to the innermost. */
interface Axis {
  readonly name: string
  readonly of: (one: ConfigurationSummary) => number | null
}

const axes: readonly Axis[] = [
  { name: 'B', of: ({ budget }) => budget },
  { name: 'W_l', of: ({ localWindow }) => localWindow },
  { name: 'ratio', of: ({ ratio }) => ratio },
  { name: 'K', of: ({ evictEvery }) => evictEvery },
]

/** What a cell says; nothing: it is empty. */
type Shown = (one: ConfigurationSummary) => string | null | undefined

/** More rows than these are not read one by one: a grid of so many is shown as its matrices alone. */
const mostRows = 30

/** Whether a task's configurations are shown by their matrices, and only what is in none of these by rows. */
export function isLargeGrid(configurations: readonly ConfigurationSummary[]): boolean {
  const parts = byShare(configurations.filter(isBounded))
  return configurations.length > mostRows && parts.length > 0 && parts.every((part) => variedAxes(part).length > 0)
}

export function isBounded({ budget }: ConfigurationSummary): boolean {
  return budget !== null
}

/**
 * Empty where nothing varies.
 * @param isLarge there are no rows besides: the differences to `dynts` are shown as well
 */
export function gridTables(configurations: readonly ConfigurationSummary[], isLarge: boolean): string[] {
  const rows = configurations.filter(isBounded)
  const matrices = (title: string, value: Shown) => byShare(rows).flatMap((part) => matricesOf(part, title, value))
  const pass = matrices('Pass@1', ({ sampling }) => sampling && percent(sampling.pass1.mean))
  const loss = matrices('replay loss', ({ replay }) => replay?.loss && replay.loss.mean.toFixed(4))
  if (!isLarge) return [...pass, ...loss]
  return [
    ...pass,
    ...matrices('to `dynts`, points', ({ sampling }) => sampling?.toDynts && marked(sampling.toDynts, 100, 1)),
    ...loss,
    ...matrices('replay loss to `dynts`', ({ replay }) => replay?.toDynts && marked(replay.toDynts, 1, 4)),
    ...certainty(rows),
  ]
}

function marked({ mean, interval }: Estimate, factor: number, digits: number): string {
  const isCertain = interval !== null && (interval.low > 0 || interval.high < 0)
  return `${signed(mean * factor, digits)}${isCertain ? ' *' : ''}`
}

/** What the matrices leave out: how sure their numbers are. */
function certainty(rows: readonly ConfigurationSummary[]): string[] {
  const halves = rows.flatMap(({ sampling }) => {
    const { mean, interval } = sampling?.pass1 ?? { mean: 0, interval: null }
    if (!interval) return []
    return [Math.max(mean - interval.low, interval.high - mean)]
  })
  const hasDifferences = rows.some(({ sampling, replay }) => sampling?.toDynts ?? replay?.toDynts)
  return [
    ...(halves.length === 0
      ? []
      : [`95 % intervals of Pass@1 end at most ${(Math.max(...halves) * 100).toFixed(1)} points above or below it.`]),
    ...(hasDifferences ? ['`*`: the 95 % interval of the difference does not hold 0.'] : []),
  ]
}

function valuesOf(rows: readonly ConfigurationSummary[], { of }: Axis): number[] {
  return [...new Set(rows.map(of))].filter((value) => value !== null).sort((a, b) => a - b)
}

function variedAxes(rows: readonly ConfigurationSummary[]): Axis[] {
  return axes.filter((axis) => valuesOf(rows, axis).length > 1)
}

/** Those with a ratio and those with K have no axis in common that says how many leave. */
function byShare(all: readonly ConfigurationSummary[]): ConfigurationSummary[][] {
  const parts = [all.filter(({ ratio }) => ratio !== null), all.filter(({ ratio }) => ratio === null)]
  return parts.filter(({ length }) => length > 0)
}

/** By one setting: policies below each other. By two: a matrix for each policy, by three for each policy and value of the third. */
function matricesOf(all: readonly ConfigurationSummary[], title: string, value: Shown): string[] {
  const rows = all.filter((one) => Boolean(value(one)))
  const varied = variedAxes(rows)
  const [across, down] = varied.toReversed()
  if (!across) return []
  const policies = [...new Set(rows.map((one) => policyName(one)))]
  const columns = valuesOf(rows, across)
  const cells = (some: readonly ConfigurationSummary[]) =>
    columns.map((column) => {
      const found = some.find((one) => across.of(one) === column)
      return (found && value(found)) ?? ''
    })
  const ofPolicy = (policy: string) => rows.filter((one) => policyName(one) === policy)
  if (!down) {
    return [
      markdown(
        [`${title} by ${across.name}`, ...columns.map(String)],
        policies.map((policy) => [policy, ...cells(ofPolicy(policy))]),
      ),
    ]
  }
  return policies.flatMap((policy) => {
    const own = ofPolicy(policy)
    const [third = down] = axes.filter((axis) => axis !== across && axis !== down && valuesOf(own, axis).length > 0)
    return valuesOf(own, third).map((fixed) => {
      const shown = own.filter((one) => third.of(one) === fixed)
      return markdown(
        [`${policy}, ${third.name} ${fixed}: ${title}, ${down.name} by ${across.name}`, ...columns.map(String)],
        valuesOf(shown, down).map((at) => [String(at), ...cells(shown.filter((one) => down.of(one) === at))]),
      )
    })
  })
}
