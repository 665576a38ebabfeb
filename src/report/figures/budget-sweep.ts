import { publishedBudgetSweep } from '../../analysis/published-sweeps.ts'
import { estimateColumns, evalTasks, rounded, settingsOf, valuesOf, type EvalTask } from '../eval-rows.ts'
import type { Figure, Picture, Row } from '../figure.ts'
import { meansOverTasks } from '../mean-over-tasks.ts'
import { publishedPass, publishedSpeed } from '../published-columns.ts'
import { publishedSweepNote, publishedSweepOf, publishedSweepRows } from '../published-sweep-rows.ts'
import { seriesPlot } from '../series-plot.ts'
import { firstUnmet, oneWindowAndRatio, sampled, severalBudgets } from '../eval-lacks.ts'

const speed = 'speed, full = 1'

export const budgetSweep: Figure = {
  name: 'budget-sweep',
  title: 'Accuracy and throughput by budget',
  paper: 'Figure 8, Figure 16',
  caption:
    'Pass@1 and tokens per second over the budget B, which is what memory is allocated for. In brackets what the local window leaves of it, for the question and what is ' +
    'selected: where that is little, a policy can choose little. The dashed line is the full cache. Tokens per second are counted in the authors’ way, where scoring, eviction and ' +
    'sampling are free. Open diamonds, if there are any: what the paper shows of DynTS, which is in no line of ours.',
  of: 'evaluations',
  needs: 'dynts eval --preset budget',
  lacks: firstUnmet(sampled, severalBudgets, oneWindowAndRatio),
  pictures: ({ evaluations }) => [...evalTasks(evaluations), ...meansOverTasks(evaluations)].flatMap(pictureOf),
}

function pictureOf(one: EvalTask): Picture[] {
  const sampled = one.configurations.filter(({ sampling }) => sampling !== null)
  const [budgets, windows, ratios] = [
    valuesOf(sampled, ({ budget }) => budget),
    valuesOf(sampled, ({ localWindow }) => localWindow),
    valuesOf(sampled, ({ ratio }) => ratio),
  ]
  const [localWindow] = windows
  if (budgets.length < 2 || localWindow === undefined || windows.length > 1 || ratios.length !== 1) return []
  const full = sampled.find(({ budget }) => budget === null)?.sampling?.speed
  const rows = sampled.map(({ name, budget, sampling }): Row => {
    const tokens = sampling?.speed
    return {
      policy: name,
      B: budget,
      n: sampling?.pass1.items ?? 0,
      ...estimateColumns('Pass@1', sampling?.pass1, 100),
      'tokens per second': tokens ? rounded(tokens.wall) : null,
      ...(full ? { [speed]: tokens ? rounded(tokens.authors / full.authors) : null } : {}),
    }
  })
  const sweep = publishedSweepOf(one, publishedBudgetSweep)
  const published = sweep ? publishedSweepRows(one, sweep) : []
  const x = {
    x: { field: 'B', title: 'budget B (cells); in brackets B − W_l' },
    below: `'(' + format(datum.value - ${localWindow}, 'd') + ')'`,
  }
  return [
    {
      title: one.task.task,
      from: one.run.from,
      description: `Pass@1 of ${new Set(rows.map(({ policy }) => policy)).size} policies at ${budgets.length} budgets.`,
      settings: [settingsOf({ ...one, configurations: sampled }), ...(sweep ? [publishedSweepNote(sweep)] : [])].join(
        ' · ',
      ),
      rows: [...rows, ...published],
      spec: seriesPlot(
        rows,
        [
          { ...x, y: { field: 'Pass@1', title: 'Pass@1 (%)', hasInterval: true }, published: publishedPass },
          ...(full
            ? [
                {
                  ...x,
                  y: { field: speed, title: 'speed, full = 1', hasInterval: false },
                  published: publishedSpeed,
                },
              ]
            : []),
        ],
        published,
      ),
    },
  ]
}
