import type { TopLevelSpec } from 'vega-lite'
import { selections } from '../../analysis/pareto/kept-tokens.ts'
import { readings } from '../../analysis/pareto/pareto-record.ts'
import { publishedParetoValue } from '../../analysis/pareto/published-pareto.ts'
import type { ParetoPoint } from '../../analysis/pareto/summarise-pareto.ts'
import { groupBy } from '../../group-by.ts'
import { estimateColumns } from '../eval-rows.ts'
import type { Figure, Row } from '../figure.ts'
import { keptLooks, readingTitles } from '../kept-parts.ts'
import type { ParetoSource } from '../sources.ts'
import { ink, themeConfig } from '../theme.ts'

/** As in the paper's figure. */
const size = 30
const published = 'published'

export const paretoTasks: Figure = {
  name: 'pareto-tasks',
  title: `Right answers from ${size} % of the thinking, by task`,
  paper: 'Figure 3 (right)',
  caption:
    `What each task loses when only ${size} % of its thinking is kept, beside all of it; the paper draws this as a radar. On the left the ` +
    'kept thinking is fed again as text, as in the paper; on the right the cells of all other thinking leave the cache. Open diamonds, if there are ' +
    'any: what the paper’s curves show of this model, read off them, which is in no series of ours.',
  of: 'paretos',
  needs: `dynts analyze pareto on several tasks of a model, with ${size} among its --percent`,
  lacks: ({ paretos }) =>
    paretos.some(hasSize)
      ? 'the answers are of one task of each model'
      : `${size} is not among the --percent of dynts analyze pareto`,
  pictures: ({ paretos }) =>
    [...groupBy(paretos.filter(hasSize), ({ model }) => model.name)].flatMap(([model, sources]) => {
      const tasks = [...new Set(sources.map(({ name }) => name))]
      if (tasks.length < 2) return []
      const rows = sources.flatMap((source) => rowsOf(source))
      const isPublished = rows.some((row) => row[published] !== undefined)
      const questions = sources.map((source) => `${source.name} ${source.questions}`)
      return [
        {
          title: model,
          description: `Accuracy with all and with ${size} % of the thinking, on ${tasks.length} tasks: ${tasks.join(', ')}.`,
          settings: [
            model,
            `n = ${questions.join(', ')} questions`,
            ...new Set(sources.map(samplingOf)),
            ...(rows.some((row) => row['accuracy low'] !== null) ? ['95 % intervals by bootstrap over questions'] : []),
            ...(isPublished
              ? ['published: Figure 12 of the paper, give or take 1 or 2 points, complete traces only']
              : []),
          ].join(' · '),
          rows,
          spec: dots(rows, tasks, isPublished),
        },
      ]
    }),
}

function hasSize({ points }: ParetoSource): boolean {
  return points.some(isShown) && points.some(({ selection }) => selection === 'full')
}

function isShown({ selection, percent }: ParetoPoint): boolean {
  return percent === size && selection !== 'none' && selection !== 'full'
}

function samplingOf({ settings: { temperature, topP, topK }, samples }: ParetoSource): string {
  return `temperature ${temperature}, top-p ${topP}, top-k ${topK}, answers to each part: ${samples}`
}

/** All of the thinking stands in each reading, because each is compared with it. */
function rowsOf({ name, model, points }: ParetoSource): Row[] {
  const full = points.filter(({ selection }) => selection === 'full')
  return readings
    .filter((reading) => points.some((point) => isShown(point) && point.reading === reading))
    .flatMap((reading) =>
      [...full, ...points.filter((point) => isShown(point) && point.reading === reading)].map(
        ({ selection, accuracy, toFull }) => {
          const printed = reading === 'text' ? publishedParetoValue(model.name, name, selection, size) : undefined
          return {
            ...{ task: name, reading, kept: selection, n: accuracy.items },
            ...estimateColumns('accuracy', accuracy, 100),
            ...estimateColumns('to full', toFull, 100),
            ...(printed === undefined ? {} : { [published]: printed }),
          }
        },
      ),
    )
}

function dots(rows: readonly Row[], tasks: readonly string[], isPublished: boolean): TopLevelSpec {
  const named = (['full', ...selections] as const).filter((name) => rows.some(({ kept }) => kept === name))
  const scaleOf = (look: 0 | 1) => ({ domain: [...named], range: named.map((name) => keptLooks[name][look]) })
  const color = { field: 'kept', type: 'nominal' as const, scale: scaleOf(0) }
  const shape = { field: 'kept', type: 'nominal' as const, scale: scaleOf(1) }
  const panels = readings.filter((reading) => rows.some((row) => row['reading'] === reading))
  return {
    config: themeConfig,
    data: { values: [...rows] },
    spacing: 28,
    hconcat: panels.map((reading, i) => {
      const y = {
        field: 'task',
        type: 'nominal' as const,
        sort: [...tasks],
        title: null,
        axis: { labels: i === 0, labelLimit: 220, labelPadding: 8, ticks: false, domain: false, grid: false },
      }
      const place = { y, yOffset: { field: 'kept', type: 'nominal' as const, sort: [...named] } }
      const own = `datum.reading === '${reading}'`
      // The paper has no other reading.
      const isBeside = isPublished && reading === 'text'
      const x = (field: string) => ({
        field,
        type: 'quantitative' as const,
        title: isBeside ? 'right answers (%); ◇ published' : 'right answers (%)',
        scale: { domain: [0, 100] },
        axis: { tickCount: 5 },
      })
      return {
        title: readingTitles[reading],
        width: 300,
        height: { step: 15, for: 'offset' as const },
        layer: [
          {
            transform: [{ filter: `${own} && isValid(datum['accuracy low'])` }],
            mark: { type: 'rule' as const, strokeWidth: 1.6 },
            encoding: { ...place, x: x('accuracy low'), x2: { field: 'accuracy high' }, color },
          },
          {
            transform: [{ filter: own }],
            mark: { type: 'point' as const, filled: true, size: 80, opacity: 1 },
            encoding: { ...place, x: x('accuracy'), color, shape },
          },
          ...(isBeside
            ? [
                {
                  transform: [{ filter: `${own} && isValid(datum['${published}'])` }],
                  mark: { type: 'point' as const, shape: 'diamond', filled: false, size: 90, opacity: 1, stroke: ink },
                  encoding: { ...place, x: x(published) },
                },
              ]
            : []),
        ],
      }
    }),
  }
}
