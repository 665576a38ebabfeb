import type { TopLevelSpec } from 'vega-lite'
import type { RecallSummary } from '../../evaluation/metrics/recall.ts'
import { estimateColumns, evalTasks, rounded, settingsOf, type NamedConfiguration } from '../eval-rows.ts'
import type { Figure, Row } from '../figure.ts'
import { themeConfig } from '../theme.ts'
import { firstUnmet, recalled } from '../eval-lacks.ts'

const held = 'cells held'
const right = 'value right'

export const recallFigure: Figure = {
  name: 'recall',
  title: 'Facts stated once: held, and known, when they are needed',
  caption:
    'The thinking states a fact once; so many tokens later its value is needed. Squares: the share of the fact’s cells that are still held then. ' +
    'Circles: the share of facts of whose value every token is the likeliest one. A fact can be known without its cells, from those that have ' +
    'read it; and the full cache, which holds all, tells how many the model knows at all.',
  of: 'evaluations',
  needs: 'dynts eval --task recall',
  lacks: firstUnmet(recalled),
  pictures: ({ evaluations }) =>
    evalTasks(evaluations).flatMap((one) => {
      const ofFacts = one.configurations.filter(({ replay }) => (replay?.recall.length ?? 0) > 0)
      if (ofFacts.length === 0) return []
      const rows = ofFacts.flatMap((configuration) => rowsOf(configuration, nameOf(configuration, ofFacts)))
      const [nearest, furthest] = [Math.min(...distancesOf(rows)), Math.max(...distancesOf(rows))]
      return [
        {
          title: one.task.task,
          from: one.run.from,
          description: `Facts held and known under ${ofFacts.length} policies, ${nearest} to ${furthest} tokens after they were stated.`,
          settings: `${settingsOf({ ...one, configurations: ofFacts })} · facts at each distance: ${factsOf(rows)}`,
          rows,
          spec: panels(rows),
        },
      ]
    }),
}

/** With its budget where a policy is there several times. */
function nameOf({ name, budget }: NamedConfiguration, all: readonly NamedConfiguration[]): string {
  const isAlone = all.filter((other) => other.name === name).length === 1
  return isAlone || budget === null ? name : `${name}, B ${budget}`
}

function rowsOf({ budget, replay }: NamedConfiguration, policy: string): Row[] {
  return (replay?.recall ?? []).map((one: RecallSummary) => ({
    policy,
    B: budget,
    distance: one.distance,
    'tokens between': rounded(one.tokensBetween),
    n: one.right.items,
    ...estimateColumns(held, one.held, 100),
    ...estimateColumns(right, one.right, 100),
    ...estimateColumns('to full, points', one.rightToFull, 100),
    ...estimateColumns('to dynts, points', one.rightToDynts, 100),
    ...estimateColumns('log-probability', one.logprob),
  }))
}

function distancesOf(rows: readonly Row[]): number[] {
  return rows.map(({ distance }) => Number(distance))
}

function factsOf(rows: readonly Row[]): string {
  return [...new Set(rows.map(({ n }) => Number(n)))].sort((a, b) => a - b).join(' or ')
}

/** One panel for each policy, named by its heading, so that no colour has to be looked up. */
function panels(rows: readonly Row[]): TopLevelSpec {
  const distances = [...new Set(distancesOf(rows))].sort((a, b) => a - b)
  const x = {
    field: 'distance',
    type: 'quantitative' as const,
    title: 'tokens between',
    scale: { type: 'log' as const, base: 2, nice: false, padding: 14 },
    axis: { values: distances, labelOverlap: true, grid: false },
  }
  const y = (field: string) => ({
    field,
    type: 'quantitative' as const,
    title: 'share (%)',
    scale: { domain: [0, 100] },
    axis: { tickCount: 3 },
  })
  const domain = [right, held]
  const color = { field: 'series', type: 'nominal' as const, scale: { domain, range: ['#d55e00', '#0a84c6'] } }
  const shape = { field: 'series', type: 'nominal' as const, scale: { domain, range: ['circle', 'square'] } }
  return {
    config: themeConfig,
    data: { values: rows.flatMap(seriesOf) },
    facet: {
      field: 'policy',
      type: 'nominal',
      title: null,
      sort: [...new Set(rows.map(({ policy }) => String(policy)))],
    },
    columns: 3,
    spec: {
      width: 200,
      height: 110,
      layer: domain.toReversed().flatMap((series) => {
        const own = `datum.series === '${series}'`
        // The open squares stand around the circles where both shares are the same.
        const point = series === held ? { filled: false, size: 110 } : { filled: true, size: 45 }
        return [
          {
            transform: [{ filter: `${own} && isValid(datum.low)` }],
            mark: { type: 'rule' as const, strokeWidth: 1.4, opacity: 0.75, xOffset: series === held ? -2 : 2 },
            encoding: { x, y: y('low'), y2: { field: 'high' }, color },
          },
          {
            transform: [{ filter: own }],
            mark: { type: 'line' as const, strokeWidth: 1.6, ...(series === held ? { strokeDash: [4, 3] } : {}) },
            encoding: { x, y: y('share'), color },
          },
          {
            transform: [{ filter: own }],
            mark: { type: 'point' as const, strokeWidth: 1.6, opacity: 1, ...point },
            encoding: { x, y: y('share'), color, shape },
          },
        ]
      }),
    },
    resolve: { axis: { x: 'independent' } },
  }
}

function seriesOf(row: Row) {
  const { policy = '', distance = 0 } = row
  return [right, held].map((series) => ({
    ...{ policy, distance, series },
    share: row[series],
    low: row[`${series} low`],
    high: row[`${series} high`],
  }))
}
