import { compare } from '../comparison.ts'
import { rounded } from '../eval-rows.ts'
import type { Figure } from '../figure.ts'
import { publishedColumn, publishedSpeed } from '../published-columns.ts'

export const throughputFigure: Figure = {
  name: 'throughput',
  title: 'Throughput, as a ratio to the full cache',
  paper: 'Table 1',
  caption:
    'Tokens per second to those of the full cache in the same run, by wall time, with everything in it, and in the authors’ way, where ' +
    'scoring, eviction and sampling are free and every place of a batch counts. One run on one machine; other work on it changes both.',
  needs: 'dynts eval with full among the policies',
  pictures: (sources) =>
    compare(sources, {
      row: (one, of) => {
        const { policy, sampling } = one
        const full = of.configurations.find((other) => other.policy === 'full')?.sampling?.speed
        const speed = sampling?.speed
        if (policy === 'full' || !full || !speed) return undefined
        return {
          wall: rounded(speed.wall / full.wall),
          authors: rounded(speed.authors / full.authors),
          ...publishedColumn(of, one, publishedSpeed),
        }
      },
      panels: [
        { field: 'wall', title: 'by wall time, full = 1', line: 1 },
        { field: 'authors', title: 'the authors’ way, full = 1', line: 1, published: publishedSpeed },
      ],
      description: (rows) => `Tokens per second of ${rows.length} policies to the full cache’s.`,
    }),
}
