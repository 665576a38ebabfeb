import { dotPlot } from '../dot-plot.ts'
import { evalTasks, rounded, settingsOf } from '../eval-rows.ts'
import type { Figure, Row } from '../figure.ts'

export const throughputFigure: Figure = {
  name: 'throughput',
  title: 'Throughput, as a ratio to the full cache',
  paper: 'Table 1',
  caption:
    'Tokens per second to those of the full cache in the same run, by wall time, with everything in it, and in the authors’ way, where ' +
    'scoring, eviction and sampling are free and every place of a batch counts. One run on one machine; other work on it changes both.',
  needs: 'dynts eval with full among the policies',
  pictures: ({ evaluations }) =>
    evalTasks(evaluations).flatMap((one) => {
      const full = one.configurations.find(({ policy }) => policy === 'full')?.sampling?.speed
      const sampled = one.configurations.filter(({ sampling, policy }) => sampling?.speed && policy !== 'full')
      const isSweep = new Set(sampled.map(({ name }) => name)).size < sampled.length
      if (!full || sampled.length === 0 || isSweep) return []
      const rows = sampled.map(({ name, budget, sampling }): Row => {
        const { wall = NaN, authors = NaN } = sampling?.speed ?? {}
        return { policy: name, B: budget, wall: rounded(wall / full.wall), authors: rounded(authors / full.authors) }
      })
      return [
        {
          title: one.task.task,
          description: `Tokens per second of ${rows.length} policies to the full cache’s.`,
          settings: settingsOf({ ...one, configurations: sampled }),
          rows,
          spec: dotPlot(rows, [
            { field: 'wall', title: 'by wall time, full = 1', line: 1 },
            { field: 'authors', title: 'the authors’ way, full = 1', line: 1 },
          ]),
        },
      ]
    }),
}
