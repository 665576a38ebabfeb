import { compare, leaders } from '../comparison.ts'
import { estimateColumns } from '../eval-rows.ts'
import type { Figure } from '../figure.ts'
import { firstUnmet, replayed, replayedFull, replayedOnce } from '../eval-lacks.ts'

export const replayLoss: Figure = {
  name: 'replay-loss',
  title: 'Replay loss: how well the answer is still known',
  caption:
    'The full cache’s own traces, or given ones, fed again under each policy: nats per answer token above the full cache’s. It needs no luck of sampling, and ' +
    'tells policies apart with fewer problems than accuracy does.',
  of: 'evaluations',
  needs: 'dynts eval --metric pass,replay-loss, or dynts eval --traces',
  lacks: firstUnmet(replayed, replayedFull, replayedOnce),
  pictures: (sources) =>
    compare(sources, {
      row: ({ replay }) =>
        replay?.toFull
          ? {
              traces: replay.traces,
              n: replay.loss?.items ?? 0,
              'mean cells': Math.round(replay.meanCells ?? 0),
              ...estimateColumns('loss', replay.loss),
              ...estimateColumns('above full', replay.toFull),
              ...estimateColumns('above dynts', replay.toDynts),
            }
          : undefined,
      order: (row) => Number(row['above full']),
      panels: [{ field: 'above full', title: 'nats per answer token above full', line: 0 }],
      description: (rows) => `Replay loss of ${rows.length} policies; ${leaders(rows, 'above full', 'the lowest')}.`,
      sweeps: true,
    }),
}
