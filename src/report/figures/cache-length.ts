import { dotPlot } from '../dot-plot.ts'
import { estimateColumns, evalTasks, settingsOf } from '../eval-rows.ts'
import type { Figure, Row } from '../figure.ts'

export const cacheLength: Figure = {
  name: 'cache-length',
  title: 'Cells: on average, and at their peak',
  paper: 'Figure 13, Figure 1 (right)',
  caption:
    'Means over problems of the cells that a sequence held on average and of the most that it held. The paper’s “cache length” is a peak of ' +
    'the longest sequence of a batch; means are smaller.',
  needs: 'dynts eval',
  pictures: ({ evaluations }) =>
    evalTasks(evaluations).flatMap((one) => {
      const sampled = one.configurations.filter(({ sampling }) => sampling?.costs)
      const isSweep = new Set(sampled.map(({ name }) => name)).size < sampled.length
      if (sampled.length === 0 || isSweep) return []
      const rows = sampled
        .map(({ name, budget, sampling }): Row => ({
          policy: name,
          B: budget,
          n: sampling?.pass1.items ?? 0,
          ...estimateColumns('mean cells', sampling?.costs?.meanCells),
          ...estimateColumns('peak cells', sampling?.costs?.peakCells),
          'most cells': sampling?.costs?.highestCells ?? null,
        }))
        .sort((a, b) => Number(b['mean cells']) - Number(a['mean cells']))
      return [
        {
          title: one.task.task,
          description: `Cells of ${rows.length} policies; the most, on average, has ${String(rows[0]?.['policy'])}.`,
          settings: settingsOf({ ...one, configurations: sampled }),
          rows,
          spec: dotPlot(rows, [
            { field: 'mean cells', title: 'mean cells', fromZero: true },
            { field: 'peak cells', title: 'peak cells', fromZero: true },
          ]),
        },
      ]
    }),
}
