/** The table of `dynts analyze kept`, for people. */
import { heldShare, keptParts, keptSpans } from '../../analysis/kept-cells.ts'
import { shareText } from '../../cache/budget.ts'
import { percent } from '../../percent.ts'
import type { KeptRecord } from '../commands/analyze-kept.ts'
import { counted } from '../output/counted.ts'
import { formatTable } from '../output/table.ts'

export function keptText({ model, settings, trace, policies }: KeptRecord): string {
  const { promptTokens, thinkEnd, tokens } = trace
  return [
    `${model.name} (${model.quantization}), trace ${trace.id}: ${counted(tokens, 'token')}, ${promptTokens} of them prompt, ${trace.thinkEnd - trace.thinkStart} thinking`,
    `budget ${settings.budget}, local window ${settings.localWindow}, ${shareText(settings)}; cells right after the last eviction`,
    '',
    formatTable([
      ['policy', 'evictions', 'cells', ...keptParts, 'of the question', 'of the thinking'],
      ...policies.map((one) => {
        const spans = keptSpans(one, trace, one.policy === 'full' ? null : settings.localWindow)
        const cells = (names: readonly string[]) =>
          spans.reduce((sum, { part, from, to }) => sum + (names.includes(part) ? to - from : 0), 0)
        return [
          one.title,
          String(one.evictions),
          String(cells(['question', 'selected', 'local'])),
          ...keptParts.map((part) => String(cells([part]))),
          percent(heldShare(spans, 0, promptTokens), 0),
          percent(heldShare(spans, promptTokens, thinkEnd), 0),
        ]
      }),
    ]),
  ].join('\n')
}
