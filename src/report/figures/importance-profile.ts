import type { TopLevelSpec } from 'vega-lite'
import { importanceProfile as profileOf, type TraceImportance } from '../../analysis/importance-profile.ts'
import { publishedProfiles } from '../../analysis/published-profiles.ts'
import { rounded } from '../eval-rows.ts'
import type { Figure, Row } from '../figure.ts'
import type { ImportanceSource } from '../sources.ts'
import { themeConfig } from '../theme.ts'

/** More bars than a picture has columns are not seen. */
const mostBars = 600

export const importanceProfile: Figure = {
  name: 'importance-profile',
  title: 'How much the answer looks back at each token',
  paper: 'Figure 2, Figure 10, Figure 11',
  caption:
    'Mean attention of the answer’s tokens, of one trace: its question, then its thinking. The dashed line is the mean over the thinking. ' +
    'Compare the share of tokens above it, not the height: that depends on the length of the answer. Of a part with more than 600 tokens neighbours ' +
    'share a bar, which is as high as the highest of them. Tokens of the question that go beyond all of the thinking, attention sinks as a rule, end at a triangle.',
  of: 'importance',
  needs: 'dynts importance (or dynts analyze importance --trace ID --output FILE)',
  lacks: () => 'the importance that is there is of no trace yet',
  pictures: ({ importance }) => importance.flatMap((source) => (source.trace ? [pictureOf(source, source.trace)] : [])),
}

function pictureOf(
  { model, profiles, from }: ImportanceSource,
  { id, promptImportance: question, importance: thinking }: TraceImportance,
) {
  const { mean, aboveMean: above } = profileOf(thinking, question)
  const bars = (part: string, values: Float32Array): Row[] => {
    const each = Math.max(1, Math.ceil(values.length / mostBars))
    return Array.from({ length: Math.ceil(values.length / each) }, (_, i) => ({
      part,
      position: i * each,
      tokens: Math.min(each, values.length - i * each),
      importance: rounded(Math.max(...values.subarray(i * each, (i + 1) * each))),
    }))
  }
  const rows = [...bars('question', question), ...bars('thinking', thinking)]
  const share = `${Math.round(100 * above)} %`
  return {
    title: model,
    from,
    description: `Importance of ${question.length} tokens of a question and ${thinking.length} of its thinking; ${share} of the thinking are above its mean.`,
    settings: `${model} · trace ${id}${profiles.length === 0 ? '' : `, the longest of ${profiles.length}`} · mean ${mean.toPrecision(3)}, above it ${share} · ${publishedShares()}`,
    rows,
    spec: profile(rows, mean, share),
  }
}

function publishedShares(): string {
  const percents = publishedProfiles.map(({ aboveMean }) => Number((100 * aboveMean).toFixed(1)))
  const models = [...new Set(publishedProfiles.map(({ model }) => model))].join(' and ')
  return `published: ${Math.min(...percents)} to ${Math.max(...percents)} % above it in ${percents.length} traces of ${models}`
}

function profile(rows: readonly Row[], mean: number, share: string): TopLevelSpec {
  const valuesOf = (one: string) => rows.filter(({ part }) => part === one).map((row) => Number(row['importance']))
  const top = 1.05 * Math.max(...valuesOf('thinking'), mean) || 1
  const beyond = valuesOf('question').filter((value) => value > top)
  const panel = (part: string, width: number, isFirst: boolean) => ({
    width,
    height: 220,
    title: part,
    transform: [{ filter: `datum.part === '${part}'` }],
    layer: [
      {
        mark: { type: 'rule' as const, strokeWidth: 1, clip: true },
        encoding: {
          x: { field: 'position', type: 'quantitative' as const, title: 'position (tokens)' },
          y: {
            field: 'importance',
            type: 'quantitative' as const,
            title: isFirst ? 'importance (mean attention)' : null,
            scale: { domain: [0, top] },
          },
          y2: { datum: 0 },
          color: {
            field: 'importance',
            type: 'quantitative' as const,
            scale: { range: ['#8ec5e8', '#0a5c93'], domain: [0, top], clamp: true },
            legend: null,
          },
        },
      },
      {
        data: { values: [{}] },
        mark: { type: 'rule' as const, strokeDash: [5, 4], strokeWidth: 1.5 },
        encoding: {
          y: { datum: mean, type: 'quantitative' as const },
          color: { value: '#d55e00' },
        },
      },
      ...(part === 'question' && beyond.length > 0
        ? [
            {
              transform: [{ filter: `datum.importance > ${top}` }],
              mark: { type: 'point' as const, shape: 'triangle-up', filled: true, size: 45, color: '#0a5c93' },
              encoding: {
                x: { field: 'position', type: 'quantitative' as const },
                y: { datum: top, type: 'quantitative' as const },
              },
            },
            {
              data: { values: [{}] },
              mark: { type: 'text' as const, align: 'right' as const, dx: -4 },
              encoding: {
                x: { value: 150 },
                y: { value: 8 },
                text: { value: `${beyond.length} beyond, up to ${Number(Math.max(...beyond).toPrecision(2))}` },
              },
            },
          ]
        : []),
      ...(part === 'thinking'
        ? [
            {
              data: { values: [{}] },
              mark: { type: 'text' as const, align: 'left' as const, dx: 6 },
              encoding: {
                x: { value: 0 },
                y: { value: 8 },
                text: { value: `${share} of the tokens are above the mean (dashed)` },
              },
            },
          ]
        : []),
    ],
  })
  return {
    config: themeConfig,
    data: { values: [...rows] },
    spacing: 24,
    hconcat: [panel('question', 150, true), panel('thinking', 480, false)],
    resolve: { scale: { y: 'shared', color: 'shared' } },
  }
}
