import type { TopLevelSpec } from 'vega-lite'
import { rounded } from '../eval-rows.ts'
import type { Figure, Row } from '../figure.ts'
import type { LiveSource } from '../sources.ts'
import { policyLooks, themeConfig } from '../theme.ts'

export const live: Figure = {
  name: 'live',
  title: 'While sequences grow',
  paper: 'Figure 5, Figure 14',
  caption:
    'Several sequences in step, the full cache and then a bounded one: tokens per second of all of them over the last 50 steps, bytes of cells in use ' +
    'and, dotted, allocated, and operations of one token. The vertical lines are evictions; their own time is in it, which the paper leaves out. The numbers are what the bounded cache has to the full one at the same step, right after an eviction. Of several runs it is ' +
    'the one with the median ratio.',
  of: 'live',
  needs: 'dynts analyze live --output live.json',
  pictures: ({ live: sources }) =>
    sources.map((source) => {
      const { model, settings, machine, ratio, runs } = source
      const ratios = runs.map((run) => run.ratio)
      const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((one) => one.toFixed(2))
      const spread = runs.length === 1 ? 'one run' : `${least} to ${most} in ${runs.length} runs`
      const rows = rowsOf(source)
      return {
        title: model.name,
        from: source.from,
        description: `Over ${settings.tokens} tokens the bounded cache gives ${ratio.toFixed(2)} times the tokens per second of the full one (${spread}).`,
        settings: `${model.name} ${model.quantization} · ${settings.policy}, B ${settings.budget}, W_l ${settings.localWindow} · n = ${settings.sequences} sequences in step · ${settings.kvType}, ${machine.backend}, threads: ${machine.threads} · bounded / full ${ratio.toFixed(2)} (${spread})`,
        rows,
        spec: panels(rows, source),
      }
    }),
}

const inUse = 'cells in use (MiB)'
const allocated = 'allocated (MiB)'
const fields = [
  { field: 'tokens per second', ratio: 'tokensPerSecond' },
  { field: inUse, ratio: 'cells' },
  { field: 'GFLOPs of a token', ratio: 'flops' },
] as const

/** Points of both caches, and then what the bounded one has to the full one right after each eviction. */
function rowsOf({ settings, full, bounded, evictions }: LiveSource): Row[] {
  const of = (policy: string, { points, allocatedBytes }: LiveSource['full']) =>
    points.map(({ step, tokensPerSecond, usedBytes, flops }) => ({
      ...{ policy, step, 'tokens per second': tokensPerSecond },
      ...{ [inUse]: usedBytes / 2 ** 20, [allocated]: allocatedBytes / 2 ** 20, 'GFLOPs of a token': flops / 1e9 },
    }))
  const ratios = evictions.map((eviction) => ({
    policy: `${settings.policy} / full`,
    step: eviction.step,
    ...Object.fromEntries(
      fields.map(({ field, ratio }) => {
        const value = eviction[ratio]
        return [`${field}, to full`, value === null ? null : rounded(value)]
      }),
    ),
  }))
  return [...of('full', full), ...of(settings.policy, bounded), ...ratios]
}

/** Labels of more would run into each other. */
const mostLabels = 7

function panels(rows: readonly Row[], { settings, evictions }: LiveSource): TopLevelSpec {
  const policies = ['full', settings.policy]
  const looks = policyLooks(policies)
  const isPoint = policies.map((policy) => `datum.policy === '${policy}'`).join(' || ')
  const x = {
    field: 'step',
    type: 'quantitative' as const,
    scale: { domain: [0, settings.tokens], nice: false },
  }
  const color = {
    field: 'policy',
    type: 'nominal' as const,
    scale: { domain: looks.domain, range: looks.colours },
    legend: { symbolType: 'stroke' as const, symbolSize: 500, symbolStrokeWidth: 2.5 },
  }
  const every = Math.ceil(evictions.length / mostLabels)
  const labelled = evictions.filter((_, i) => i % every === 0)
  const panel = ({ field, ratio }: (typeof fields)[number], i: number) => {
    const ownX = {
      ...x,
      title: i === fields.length - 1 ? 'generated tokens of each sequence' : null,
      axis: i === fields.length - 1 ? {} : { labels: false, ticks: false },
    }
    const title = field === inUse ? [field, 'dotted: allocated'] : field
    return {
      width: 620,
      height: 150,
      layer: [
        {
          data: { values: evictions.map(({ step }) => ({ step })) },
          mark: { type: 'rule' as const, strokeDash: [3, 3], opacity: 0.3 },
          encoding: { x: ownX },
        },
        {
          transform: [{ filter: isPoint }],
          mark: { type: 'line' as const, strokeWidth: 1.8 },
          encoding: {
            x: ownX,
            y: { field, type: 'quantitative' as const, title },
            color,
            strokeDash: {
              field: 'policy',
              type: 'nominal' as const,
              scale: {
                domain: looks.domain,
                range: [
                  [1, 0],
                  [4, 2],
                ],
              },
            },
          },
        },
        ...(field === inUse
          ? [
              {
                data: { values: policies.map((policy) => rows.find((row) => row['policy'] === policy) ?? {}) },
                mark: { type: 'rule' as const, strokeDash: [1, 3], strokeWidth: 1.8 },
                encoding: { y: { field: allocated, type: 'quantitative' as const, title }, color },
              },
            ]
          : []),
        {
          data: {
            values: labelled.flatMap((one) => {
              const value = one[ratio]
              return value === null ? [] : [{ step: one.step, label: value.toFixed(2) }]
            }),
          },
          mark: { type: 'text' as const, align: 'center' as const, fontSize: 11, fontWeight: 'bold' as const },
          encoding: { x: ownX, y: { value: -7 }, text: { field: 'label' } },
        },
      ],
    }
  }
  const spec = {
    config: themeConfig,
    data: { values: [...rows] },
    spacing: 24,
    vconcat: fields.map(panel),
  }
  return spec
}
