import { compare, leaders } from '../comparison.ts'
import { estimateColumns } from '../eval-rows.ts'
import type { Figure } from '../figure.ts'
import { publishedColumn, publishedPass, publishedPeak } from '../published-columns.ts'
import { firstUnmet, policyInAllTasks, sampled, sampledOnce, severalTasks } from '../eval-lacks.ts'

export const taskMean: Figure = {
  name: 'task-mean',
  title: 'Accuracy and cells, mean over tasks',
  paper: 'Figure 1 (right)',
  caption:
    'Means over tasks, and over models where several were run on the same tasks; each task counts the same. Pass@1, and the most cells that a ' +
    'sequence held, whose published counterpart is the peak of the longest sequence of a batch. A mean hides where a policy fails: each task has its own picture.',
  of: 'evaluations',
  needs: 'dynts eval on several tasks',
  lacks: firstUnmet(sampled, severalTasks, sampledOnce, policyInAllTasks),
  pictures: (sources) =>
    compare(sources, {
      isMean: true,
      row: (one, of) => {
        const { sampling } = one
        return sampling
          ? {
              n: sampling.pass1.items,
              ...estimateColumns('Pass@1', sampling.pass1, 100),
              ...estimateColumns('peak cells', sampling.costs?.peakCells),
              ...estimateColumns('mean cells', sampling.costs?.meanCells),
              ...publishedColumn(of, one, publishedPass),
              ...publishedColumn(of, one, publishedPeak),
            }
          : undefined
      },
      order: (row) => -Number(row['Pass@1']),
      panels: [
        { field: 'Pass@1', title: 'Pass@1 (%)', published: publishedPass },
        { field: 'peak cells', title: 'peak cells', fromZero: true, published: publishedPeak },
      ],
      description: (rows) =>
        `Mean Pass@1 of ${rows.length} policies; ${leaders(rows, 'Pass@1', 'the highest')}: ${Number(Number(rows[0]?.['Pass@1']).toFixed(1))} %.`,
    }),
}
