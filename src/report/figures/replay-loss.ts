import { dotPlot } from '../dot-plot.ts'
import { estimateColumns, evalTasks, settingsOf } from '../eval-rows.ts'
import type { Figure, Row } from '../figure.ts'

export const replayLoss: Figure = {
  name: 'replay-loss',
  title: 'Replay loss: how well the answer is still known',
  caption:
    'The full cache’s own traces, fed again under each policy: nats per answer token above the full cache’s. It needs no luck of sampling, and ' +
    'tells policies apart with fewer problems than accuracy does.',
  needs: 'dynts eval --metric pass,replay-loss',
  pictures: ({ evaluations }) =>
    evalTasks(evaluations).flatMap((one) => {
      const replayed = one.configurations.filter(({ replay }) => replay?.toFull)
      const isSweep = new Set(replayed.map(({ name }) => name)).size < replayed.length
      if (replayed.length === 0 || isSweep) return []
      const rows = replayed
        .map(({ name, budget, replay }): Row => ({
          policy: name,
          B: budget,
          traces: replay?.traces ?? 0,
          n: replay?.loss?.items ?? 0,
          ...estimateColumns('loss', replay?.loss),
          ...estimateColumns('above full', replay?.toFull),
          ...estimateColumns('above dynts', replay?.toDynts),
        }))
        .sort((a, b) => Number(a['above full']) - Number(b['above full']))
      return [
        {
          title: one.task.task,
          description: `Replay loss of ${rows.length} policies; the lowest has ${String(rows[0]?.['policy'])}.`,
          settings: settingsOf({ ...one, configurations: replayed }),
          rows,
          spec: dotPlot(rows, [{ field: 'above full', title: 'nats per answer token above full', line: 0 }]),
        },
      ]
    }),
}
