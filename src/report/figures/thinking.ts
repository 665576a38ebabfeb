import { dotPlot } from '../dot-plot.ts'
import { estimateColumns, evalTasks, settingsOf } from '../eval-rows.ts'
import type { Figure, Row } from '../figure.ts'

export const thinking: Figure = {
  name: 'thinking',
  title: 'How long it thinks, and how often it loops',
  caption:
    'Thinking tokens as a ratio to the full cache’s on the same problems, and the share of answers that end in a loop. A bound that is too ' +
    'tight makes a model repeat itself: cells are saved, and tokens are wasted.',
  needs: 'dynts eval with full among the policies',
  pictures: ({ evaluations }) =>
    evalTasks(evaluations).flatMap((one) => {
      const sampled = one.configurations.filter(({ sampling }) => sampling?.thinkingToFull)
      const isSweep = new Set(sampled.map(({ name }) => name)).size < sampled.length
      if (sampled.length === 0 || isSweep) return []
      const rows = sampled.map(({ name, budget, sampling }): Row => ({
        policy: name,
        B: budget,
        n: sampling?.pass1.items ?? 0,
        ...estimateColumns('thinking to full', sampling?.thinkingToFull),
        ...estimateColumns('loops', sampling?.costs?.looped, 100),
        ...estimateColumns('truncated', sampling?.costs?.truncated, 100),
      }))
      return [
        {
          title: one.task.task,
          description: `Length of the thinking to the full cache’s, and loops, of ${rows.length} policies.`,
          settings: settingsOf({ ...one, configurations: sampled }),
          rows,
          spec: dotPlot(rows, [
            { field: 'thinking to full', title: 'thinking tokens, full = 1', line: 1 },
            { field: 'loops', title: 'answers that end in a loop (%)', fromZero: true },
          ]),
        },
      ]
    }),
}
