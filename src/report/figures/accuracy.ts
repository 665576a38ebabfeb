import { compare, leaders } from '../comparison.ts'
import { estimateColumns } from '../eval-rows.ts'
import type { Figure } from '../figure.ts'
import { publishedColumn, publishedPass } from '../published-columns.ts'
import { firstUnmet, sampled, sampledOnce } from '../eval-lacks.ts'

export const accuracy: Figure = {
  name: 'accuracy',
  title: 'Accuracy and cells by policy',
  paper: 'Table 1, Table 2',
  caption:
    'Pass@1 and the cells that a sequence held on average. A comparison says something at equal cells only, and beside the controls: ' +
    'question-window keeps the question and the newest tokens, random keeps the question and any tokens. Open diamonds, if there are any: what the paper printed of this model, which is in no series of ours.',
  of: 'evaluations',
  needs: 'dynts eval',
  lacks: firstUnmet(sampled, sampledOnce),
  pictures: (sources) =>
    compare(sources, {
      row: (one, of) => {
        const { sampling } = one
        return sampling
          ? {
              n: sampling.pass1.items,
              ...estimateColumns('Pass@1', sampling.pass1, 100),
              ...estimateColumns('mean cells', sampling.costs?.meanCells),
              ...estimateColumns('to dynts, points', sampling.toDynts, 100),
              ...estimateColumns('to full, points', sampling.toFull, 100),
              ...publishedColumn(of, one, publishedPass),
            }
          : undefined
      },
      order: (row) => -Number(row['Pass@1']),
      panels: [
        { field: 'Pass@1', title: 'Pass@1 (%)', published: publishedPass },
        { field: 'mean cells', title: 'mean cells', fromZero: true },
      ],
      description: (rows) =>
        `Pass@1 of ${rows.length} policies; ${leaders(rows, 'Pass@1', 'the highest')}: ${Number(Number(rows[0]?.['Pass@1']).toFixed(1))} %.`,
    }),
}
