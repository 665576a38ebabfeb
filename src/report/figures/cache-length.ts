import { compare, leaders } from '../comparison.ts'
import { estimateColumns } from '../eval-rows.ts'
import type { Figure } from '../figure.ts'
import { publishedColumn, publishedPeak } from '../published-columns.ts'
import { firstUnmet, sampled, sampledOnce } from '../eval-lacks.ts'

export const cacheLength: Figure = {
  name: 'cache-length',
  title: 'Cells: on average, and at their peak',
  paper: 'Figure 13',
  caption:
    'Means over problems of the cells that a sequence held on average and of the most that it held. The paper’s “cache length” is a peak of ' +
    'the longest sequence of a batch; means are smaller.',
  of: 'evaluations',
  needs: 'dynts eval',
  lacks: firstUnmet(sampled, sampledOnce),
  pictures: (sources) =>
    compare(sources, {
      row: (one, of) => {
        const { sampling } = one
        return sampling?.costs
          ? {
              n: sampling.pass1.items,
              ...estimateColumns('mean cells', sampling.costs.meanCells),
              ...estimateColumns('peak cells', sampling.costs.peakCells),
              'most cells': sampling.costs.highestCells,
              ...publishedColumn(of, one, publishedPeak),
            }
          : undefined
      },
      order: (row) => -Number(row['mean cells']),
      panels: [
        { field: 'mean cells', title: 'mean cells', fromZero: true },
        { field: 'peak cells', title: 'peak cells', fromZero: true, published: publishedPeak },
      ],
      description: (rows) =>
        `Cells of ${rows.length} policies; ${leaders(rows, 'mean cells', 'the most, on average,')}.`,
    }),
}
