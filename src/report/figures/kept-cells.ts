import type { TopLevelSpec } from 'vega-lite'
import { heldShare, keptSpans, type KeptPart } from '../../analysis/kept-cells.ts'
import { shareText } from '../../cache/budget.ts'
import { rounded } from '../eval-rows.ts'
import type { Figure, Row } from '../figure.ts'
import type { KeptSource } from '../sources.ts'
import { ink, themeConfig } from '../theme.ts'

/** Each with its colour, and its height beside it. */
const parts: Readonly<Record<KeptPart, { readonly title: string; readonly colour: string; readonly height: number }>> =
  {
    question: { title: 'question', colour: '#009e73', height: 1 },
    selected: { title: 'older thinking', colour: '#d55e00', height: 0.74 },
    local: { title: 'newest (local window)', colour: '#56b4e9', height: 0.48 },
    later: { title: 'read since', colour: '#8a8a8a', height: 0.2 },
  }
const named = Object.values(parts)

export const keptCellsFigure: Figure = {
  name: 'kept-cells',
  title: 'Which cells each policy keeps of one trace',
  paper: 'Figure 1 (left), where it is a drawing',
  caption:
    'The same trace is fed to all policies; what each held right after its last eviction, by position. The lower a bar, the less was chosen: the ' +
    'question is highest, then what was kept of the older thinking, then the newest, which the local window holds, and lowest what has been ' +
    'read since. Where there is no bar, the cell has left. The dotted lines are the ends of the prompt and of the thinking.',
  of: 'kept',
  needs: 'dynts analyze kept --output kept.json',
  pictures: ({ kept }) =>
    kept.map((source) => {
      const { model, settings, trace, policies } = source
      const rows = rowsOf(source)
      return {
        title: model.name,
        from: source.from,
        description: `Kept cells of a trace of ${trace.tokens} tokens under ${policies.length} policies. Of the prompt ${sharesText(source)}.`,
        settings: `${model.name} ${model.quantization} · trace ${trace.id}, ${trace.promptTokens} tokens of prompt, ${trace.thinkEnd - trace.thinkStart} of thinking · B ${settings.budget}, W_l ${settings.localWindow}, ${shareText(settings)} · n = 1 trace`,
        rows,
        spec: strips(rows, source),
      }
    }),
}

/** What is left of the prompt. */
function sharesText({ trace, settings, policies }: KeptSource): string {
  return policies
    .filter(({ evictions }) => evictions > 0)
    .map((one) => {
      const spans = keptSpans(one, trace, settings.localWindow)
      return `${one.title} holds ${Math.round(100 * heldShare(spans, 0, trace.promptTokens))} %`
    })
    .join(', ')
}

function rowsOf({ trace, settings, policies }: KeptSource): Row[] {
  return policies.flatMap((one) => {
    const spans = keptSpans(one, trace, one.readAtLast === null ? null : settings.localWindow)
    return spans.map(({ part, from, to }) => ({
      policy: one.title,
      evictions: one.evictions,
      part: parts[part].title,
      from,
      to,
      cells: rounded(to - from),
    }))
  })
}

function strips(rows: readonly Row[], { trace, policies }: KeptSource): TopLevelSpec {
  const order = policies.map(({ title }) => title)
  const step = 30
  const x = {
    field: 'from',
    type: 'quantitative' as const,
    title: 'position (tokens)',
    scale: { domain: [0, trace.tokens], nice: false },
    axis: { grid: false },
  }
  const y = {
    field: 'policy',
    type: 'nominal' as const,
    sort: order,
    title: null,
    axis: { ticks: false, domain: false, labelPadding: 8 },
  }
  const ends = [
    { at: trace.promptTokens, name: 'prompt' },
    { at: trace.thinkEnd, name: 'thinking' },
  ]
  return {
    config: themeConfig,
    data: { values: [...rows] },
    width: 620,
    height: { step },
    layer: [
      {
        data: { values: order.map((policy) => ({ policy })) },
        mark: { type: 'rule', strokeWidth: 1, opacity: 0.35, color: ink },
        encoding: { y, x: { datum: 0, type: 'quantitative', scale: x.scale }, x2: { datum: trace.tokens } },
      },
      ...named.map(({ title, height }) => ({
        transform: [{ filter: `datum.part === '${title}'` }],
        mark: { type: 'bar' as const, height: Math.round(0.8 * step * height) },
        encoding: {
          x,
          x2: { field: 'to' },
          y,
          color: {
            field: 'part',
            type: 'nominal' as const,
            scale: { domain: named.map((one) => one.title), range: named.map(({ colour }) => colour) },
          },
        },
      })),
      {
        data: { values: ends },
        mark: { type: 'rule', strokeDash: [2, 3], strokeWidth: 1.4, color: ink },
        encoding: { x: { ...x, field: 'at' } },
      },
      {
        data: { values: ends },
        mark: { type: 'text', align: 'right', dx: -4, dy: -8, color: ink, fontSize: 11 },
        encoding: { x: { ...x, field: 'at' }, y: { value: 0 }, text: { field: 'name' } },
      },
    ],
  }
}
