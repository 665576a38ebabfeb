import { estimateColumns, evalTasks, rounded, settingsOf, valuesOf } from '../eval-rows.ts'
import type { Figure, Row } from '../figure.ts'
import { seriesPlot } from '../series-plot.ts'

export const budgetSweep: Figure = {
  name: 'budget-sweep',
  title: 'Accuracy by budget and by mean cells',
  paper: 'Figure 8, Figure 16',
  caption:
    'The same runs twice: over the budget B, which is what memory is allocated for, and over the cells that were held on average, which is ' +
    'what a step costs. The dashed line is the full cache.',
  needs: 'dynts eval --preset budget',
  pictures: ({ evaluations }) =>
    evalTasks(evaluations).flatMap((one) => {
      const sampled = one.configurations.filter(({ sampling }) => sampling !== null)
      const isOne = (of: (configuration: (typeof sampled)[number]) => number | null) =>
        valuesOf(sampled, of).length === 1
      if (valuesOf(sampled, ({ budget }) => budget).length < 2) return []
      if (!isOne(({ localWindow }) => localWindow) || !isOne(({ ratio }) => ratio)) return []
      const rows = sampled.map(({ name, budget, sampling }): Row => ({
        policy: name,
        B: budget,
        n: sampling?.pass1.items ?? 0,
        ...estimateColumns('Pass@1', sampling?.pass1, 100),
        'mean cells': budget === null ? null : rounded(sampling?.costs?.meanCells.mean ?? NaN),
        'tokens per second': rounded(sampling?.speed?.wall ?? NaN),
      }))
      const y = { field: 'Pass@1', title: 'Pass@1 (%)', hasInterval: true }
      return [
        {
          title: one.task.task,
          description: `Pass@1 of ${new Set(rows.map(({ policy }) => policy)).size} policies at ${valuesOf(sampled, ({ budget }) => budget).length} budgets.`,
          settings: settingsOf({ ...one, configurations: sampled }),
          rows,
          spec: seriesPlot(rows, [
            { x: { field: 'B', title: 'budget B (cells)' }, y, isSetting: true },
            { x: { field: 'mean cells', title: 'mean cells' }, y },
          ]),
        },
      ]
    }),
}
