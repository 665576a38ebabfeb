import { compare } from '../comparison.ts'
import { rounded } from '../eval-rows.ts'
import type { Figure } from '../figure.ts'
import { publishedColumn, publishedRate, publishedSpeed } from '../published-columns.ts'
import { firstUnmet, sampled, sampledFull, sampledOnce } from '../eval-lacks.ts'

const rate = 'tokens per second'

export const throughputFigure: Figure = {
  name: 'throughput',
  title: 'Throughput',
  paper: 'Table 1',
  caption:
    'Tokens per second by wall time, with everything in it; and to those of the full cache in the same run, by wall time and in the authors’ way, where ' +
    'scoring, eviction and sampling are free and every place of a batch counts. One run on one machine; other work on it changes all of them. What the paper printed, if there is any, ' +
    'is drawn as a ratio only, because its machine was another; its tokens per second stand among the data.',
  of: 'evaluations',
  needs: 'dynts eval with full among the policies',
  lacks: firstUnmet(sampled, sampledFull, sampledOnce),
  pictures: (sources) =>
    compare(sources, {
      row: (one, of) => {
        const full = of.configurations.find(({ policy }) => policy === 'full')?.sampling?.speed
        const speed = one.sampling?.speed
        if (!full || !speed) return undefined
        return {
          [rate]: rounded(speed.wall),
          [`${rate}, the authors’ way`]: rounded(speed.authors),
          'wall, full = 1': rounded(speed.wall / full.wall),
          'authors, full = 1': rounded(speed.authors / full.authors),
          ...publishedColumn(of, one, publishedSpeed),
          ...publishedColumn(of, one, publishedRate),
        }
      },
      panels: [
        { field: rate, title: 'tokens per second, wall', fromZero: true },
        { field: 'wall, full = 1', title: 'wall, full = 1', line: 1 },
        { field: 'authors, full = 1', title: 'authors’ way, full = 1', line: 1, published: publishedSpeed },
      ],
      description: (rows) => `Tokens per second of ${rows.length} policies, and to the full cache’s.`,
    }),
}
