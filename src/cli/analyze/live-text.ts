/** The tables of `dynts analyze live`, for people. */
import { windowSteps } from '../../analysis/live-run.ts'
import { shareText } from '../../cache/budget.ts'
import { formatBytes } from '../../models/memory-plan.ts'
import type { LiveRecord } from '../commands/analyze-live.ts'
import { counted } from '../output/counted.ts'
import { formatTable } from '../output/table.ts'

export function liveText(record: LiveRecord): string {
  const { settings, machine, runs, notes, evictions, full, bounded } = record
  const { policy, budget, localWindow, sequences, promptTokens, tokens, kvType } = settings
  const { threads, backend } = machine
  const ratios = runs.map(({ ratio }) => ratio)
  return [
    `${counted(sequences, 'sequence')} of ${counted(tokens, 'token')} behind ${promptTokens} of prompt; ${kvType}, ${backend}, ${counted(threads, 'thread')}`,
    `${policy}: budget ${budget}, local window ${localWindow}, ${shareText(settings)}`,
    ...notes.map((note) => `Note, of the operations: ${note}.`),
    '',
    formatTable([
      ['', 'tokens/s', 'cache in use at the end', 'allocated'],
      ...(['full', 'bounded'] as const).map((which) => {
        const { points, allocatedBytes } = which === 'full' ? full : bounded
        const rates = runs.map((run) => run[which].toFixed(0)).join(', ')
        return [which, rates, formatBytes(points.at(-1)?.usedBytes ?? 0), formatBytes(allocatedBytes)]
      }),
    ]),
    `bounded / full: ${record.ratio.toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}, ${counted(runs.length, 'run')}); evictions are in it`,
    '',
    'bounded / full right after an eviction, in the run with the median ratio:',
    formatTable([
      ['step', `tokens/s, ${windowSteps} steps`, 'cells', 'operations', 'pause, ms'],
      ...evictions.map(({ step, tokensPerSecond, cells, flops, pauseMs }) => [
        String(step),
        tokensPerSecond?.toFixed(2) ?? '',
        cells.toFixed(2),
        flops.toFixed(2),
        pauseMs.toFixed(1),
      ]),
    ]),
  ].join('\n')
}
