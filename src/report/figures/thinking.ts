import { compare } from '../comparison.ts'
import { estimateColumns } from '../eval-rows.ts'
import type { Figure } from '../figure.ts'
import { firstUnmet, pairedWithFull, sampled, sampledFull, sampledOnce } from '../eval-lacks.ts'

export const thinking: Figure = {
  name: 'thinking',
  title: 'How long it thinks, and how often it loops',
  caption:
    'Thinking tokens as a ratio to the full cache’s on the same problems, and the share of answers that end in a loop. A bound that is too ' +
    'tight makes a model repeat itself: cells are saved, and tokens are wasted.',
  of: 'evaluations',
  needs: 'dynts eval with full among the policies',
  lacks: firstUnmet(sampled, sampledFull, sampledOnce, pairedWithFull),
  pictures: (sources) =>
    compare(sources, {
      row: ({ sampling }) =>
        sampling?.thinkingToFull
          ? {
              n: sampling.pass1.items,
              ...estimateColumns('thinking to full', sampling.thinkingToFull),
              ...estimateColumns('loops', sampling.costs?.looped, 100),
              ...estimateColumns('truncated', sampling.costs?.truncated, 100),
            }
          : undefined,
      panels: [
        { field: 'thinking to full', title: 'thinking tokens, full = 1', line: 1 },
        { field: 'loops', title: 'answers that end in a loop (%)', fromZero: true },
      ],
      description: (rows) => `Length of the thinking to the full cache’s, and loops, of ${rows.length} policies.`,
    }),
}
