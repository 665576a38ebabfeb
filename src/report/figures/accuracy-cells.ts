import { estimateColumns, evalTasks, settingsOf, valuesOf, type EvalTask } from '../eval-rows.ts'
import type { Figure, Picture, Row } from '../figure.ts'
import { labelledLines } from '../labelled-lines.ts'
import { meansOverTasks } from '../mean-over-tasks.ts'
import { firstUnmet, onceAtEachBudget, sampled, severalBudgets } from '../eval-lacks.ts'

export const accuracyCells: Figure = {
  name: 'accuracy-cells',
  title: 'Accuracy at equal cells',
  caption:
    'Pass@1 over the cells that were held on average, which is what a step costs: a line for each policy through its budgets, each point with its 95 % interval. Points of one ' +
    'budget that would hide each other stand side by side. The dashed line and the band around it are the full cache.',
  of: 'evaluations',
  needs: 'dynts eval --preset budget',
  lacks: firstUnmet(sampled, severalBudgets, onceAtEachBudget),
  pictures: ({ evaluations }) => [...evalTasks(evaluations), ...meansOverTasks(evaluations)].flatMap(pictureOf),
}

function pictureOf(one: EvalTask): Picture[] {
  const configurations = one.configurations.filter(({ sampling }) => sampling?.costs)
  const budgets = valuesOf(configurations, ({ budget }) => budget)
  const settings = new Set(configurations.map(({ name, budget }) => `${name} ${budget}`))
  // Of a sweep over something else, several points would have the same name and budget.
  if (budgets.length < 2 || settings.size < configurations.length) return []
  const rows = configurations.map(({ name, budget, sampling }): Row => ({
    policy: name,
    B: budget,
    n: sampling?.pass1.items ?? 0,
    ...estimateColumns('Pass@1', sampling?.pass1, 100),
    ...estimateColumns('mean cells', sampling?.costs?.meanCells),
  }))
  const full = rows.find((row) => row['B'] === null)
  const cells = full ? ` (full cache: ${Math.round(Number(full['mean cells']))})` : ''
  return [
    {
      title: one.task.task,
      from: one.run.from,
      description: `Pass@1 by mean cells of ${new Set(rows.map(({ policy }) => policy)).size} policies at ${budgets.length} budgets. ${best(rows, budgets)}`,
      settings: settingsOf({ ...one, configurations }),
      rows,
      spec: labelledLines(rows, {
        x: { field: 'mean cells', title: `mean cells held${cells}` },
        y: { field: 'Pass@1', title: 'Pass@1 (%)' },
        setting: 'B',
      }),
    },
  ]
}

/** Who is above the others at the smallest and at the largest budget. */
function best(rows: readonly Row[], budgets: readonly number[]): string {
  const told = [budgets[0], budgets.at(-1)].flatMap((budget) => {
    const own = rows.filter((row) => row['B'] === budget)
    const most = Math.max(...own.map((row) => Number(row['Pass@1'])))
    const names = own.filter((row) => row['Pass@1'] === most).map(({ policy }) => String(policy))
    return `at B ${budget} ${names.join(', ')} with ${Number(most.toFixed(1))} %`
  })
  return `The highest: ${told.join('; ')}.`
}
