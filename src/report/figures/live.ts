import type { TopLevelSpec } from 'vega-lite'
import type { Figure, Row } from '../figure.ts'
import type { LiveSource } from '../sources.ts'
import { policyLooks, themeConfig } from '../theme.ts'

export const live: Figure = {
  name: 'live',
  title: 'While sequences grow',
  paper: 'Figure 5, Figure 14',
  caption:
    'Several sequences in step, the full cache and then a bounded one: tokens per second of all of them over the last 50 steps, bytes of cells in use, ' +
    'and operations of one token. The vertical lines are evictions; their own time is in it, which the paper leaves out. Of several runs it is ' +
    'the one with the median ratio.',
  needs: 'dynts analyze live --output live.json',
  pictures: ({ live: sources }) =>
    sources.map((source) => {
      const { model, settings, machine, ratio, runs } = source
      const ratios = runs.map((run) => run.ratio)
      const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)} in ${runs.length} runs`
      const rows = rowsOf(source)
      return {
        title: model.name,
        description: `Over ${settings.tokens} tokens the bounded cache gives ${ratio.toFixed(2)} times the tokens per second of the full one (${spread}).`,
        settings: `${model.name} ${model.quantization} · ${settings.policy}, B ${settings.budget}, W_l ${settings.localWindow} · ${settings.sequences} sequences · ${settings.kvType}, ${machine.backend}, ${machine.threads} threads · bounded / full ${ratio.toFixed(2)} (${spread})`,
        rows,
        spec: panels(rows, source),
      }
    }),
}

function rowsOf({ settings, full, bounded }: LiveSource): Row[] {
  const of = (policy: string, { points }: LiveSource['full']) =>
    points.map(({ step, tokensPerSecond, usedBytes, flops }) => ({
      ...{ policy, step, 'tokens per second': tokensPerSecond },
      ...{ 'cells in use (MiB)': usedBytes / 2 ** 20, 'operations of a token (GFLOPs)': flops / 1e9 },
    }))
  return [...of('full', full), ...of(settings.policy, bounded)]
}

function panels(rows: readonly Row[], { evictions }: LiveSource): TopLevelSpec {
  const looks = policyLooks(rows.map(({ policy }) => String(policy)))
  const x = { field: 'step', type: 'quantitative' as const, title: 'generated tokens of each sequence' }
  const panel = (field: string) => ({
    width: 560,
    height: 150,
    layer: [
      {
        data: { values: evictions.map(({ step }) => ({ step })) },
        mark: { type: 'rule' as const, strokeDash: [3, 3], opacity: 0.35 },
        encoding: { x },
      },
      {
        mark: { type: 'line' as const, strokeWidth: 1.8 },
        encoding: {
          x,
          y: { field, type: 'quantitative' as const, title: field },
          color: {
            field: 'policy',
            type: 'nominal' as const,
            scale: { domain: looks.domain, range: looks.colours },
          },
          strokeDash: { field: 'policy', type: 'nominal' as const, sort: looks.domain, legend: null },
        },
      },
    ],
  })
  return {
    config: themeConfig,
    data: { values: [...rows] },
    spacing: 24,
    vconcat: ['tokens per second', 'cells in use (MiB)', 'operations of a token (GFLOPs)'].map(panel),
  }
}
