import { dotPlot } from '../dot-plot.ts'
import { estimateColumns, evalTasks, settingsOf, valuesOf, type NamedConfiguration } from '../eval-rows.ts'
import type { Figure, Row } from '../figure.ts'

export const accuracy: Figure = {
  name: 'accuracy',
  title: 'Accuracy and cells by policy',
  paper: 'Table 1, Table 2, Figure 1 (right)',
  caption:
    'Pass@1 and the cells that a sequence held on average. A comparison says something at equal cells only, and beside the controls: ' +
    'question-window keeps the question and the newest tokens, random keeps the question and any tokens.',
  needs: 'dynts eval',
  pictures: ({ evaluations }) =>
    evalTasks(evaluations).flatMap((one) => {
      const sampled = one.configurations.filter(({ sampling }) => sampling !== null)
      const budgets = valuesOf(sampled, ({ budget }) => budget)
      // Sweeps have figures of their own.
      if (sampled.length === 0 || isSweep(sampled)) return []
      const rows = sampled.map(rowOf).sort((a, b) => Number(b['Pass@1']) - Number(a['Pass@1']))
      const [best] = rows
      return [
        {
          title: one.task.task,
          description: `Pass@1 of ${rows.length} policies${budgets.length === 1 ? ` at a budget of ${budgets[0] ?? ''} cells` : ''}; the highest is ${String(best?.['policy'])} with ${String(best?.['Pass@1'])} %.`,
          settings: settingsOf({ ...one, configurations: sampled }),
          rows,
          spec: dotPlot(rows, [
            { field: 'Pass@1', title: 'Pass@1 (%)' },
            { field: 'mean cells', title: 'mean cells', fromZero: true },
          ]),
        },
      ]
    }),
}

function isSweep(configurations: readonly NamedConfiguration[]): boolean {
  return new Set(configurations.map(({ name }) => name)).size < configurations.length
}

function rowOf({ name, budget, sampling }: NamedConfiguration): Row {
  return {
    policy: name,
    B: budget,
    n: sampling?.pass1.items ?? 0,
    ...estimateColumns('Pass@1', sampling?.pass1, 100),
    ...estimateColumns('mean cells', sampling?.costs?.meanCells),
    ...estimateColumns('to dynts, points', sampling?.toDynts, 100),
    ...estimateColumns('to full, points', sampling?.toFull, 100),
  }
}
