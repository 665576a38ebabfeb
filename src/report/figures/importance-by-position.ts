import type { TopLevelSpec } from 'vega-lite'
import { spreadOf, summariseProfiles, type Spread } from '../../analysis/importance-profile.ts'
import type { Estimate } from '../../evaluation/metrics/estimate.ts'
import { estimateColumns, intervalNote, rounded } from '../eval-rows.ts'
import type { Figure, Picture, Row } from '../figure.ts'
import type { ImportanceSource } from '../sources.ts'
import { ink, themeConfig } from '../theme.ts'

export const importanceByPosition: Figure = {
  name: 'importance-by-position',
  title: 'Where in its thinking the answer looks back',
  caption:
    'Importance of each twentieth of the thinking, and of the question with its template, over many traces; 1 is the mean over a trace’s thinking. The line is the mean over questions ' +
    'with its 95 % interval, the bands are the traces themselves. The paper shows single traces: high at the start and at the end, low between, ' +
    'and a question above its thinking. The scale is logarithmic.',
  of: 'importance',
  needs: 'dynts importance',
  lacks: () => 'the importance that is there is of one trace, or of none yet (dynts importance has that of many)',
  pictures: ({ importance }) =>
    importance.flatMap((source) => (source.profiles.length === 0 ? [] : [pictureOf(source)])),
}

function pictureOf({ model, profiles, from }: ImportanceSource): Picture {
  const { figures, byPosition, traces, questions, thinkingTokens } = summariseProfiles(profiles)
  const question = rowOf('question', figures.promptRatio, spreadOf(profiles.map(({ promptRatio }) => promptRatio)))
  const each = 100 / byPosition.length
  const thinking = byPosition.map((estimate, i) =>
    rowOf('thinking', estimate, spreadOf(profiles.map((profile) => profile.byPosition[i] ?? NaN)), [
      i * each,
      (i + 1) * each,
    ]),
  )
  const rows = [question, ...thinking]
  // A short trace has no token in some of its twentieths.
  const there = thinking.filter((row) => row['importance'] !== null)
  const told = (row: Row | undefined) => Number(row?.['importance']).toPrecision(2)
  return {
    title: model,
    from,
    description: `Importance to the mean of the thinking: ${told(there[0])} at its beginning, ${told(there.at(-1))} at its end, and ${told(question)} in the question.`,
    settings: `${model} · n = ${questions} questions, ${traces} traces, ${thinkingTokens} thinking tokens · ${intervalNote([figures.mean], 'questions')}`,
    rows,
    spec: specOf(rows),
  }
}

function rowOf(
  part: string,
  estimate: Estimate | null,
  spread: Spread | null,
  position?: readonly [number, number],
): Row {
  const [from, to] = position ?? [null, null]
  return {
    part,
    'from %': from,
    'to %': to,
    questions: estimate?.items ?? 0,
    ...estimateColumns('importance', estimate),
    ...Object.fromEntries(
      (['p10', 'p25', 'p75', 'p90'] as const).map((name) => [name, spread ? rounded(spread[name]) : null]),
    ),
  }
}

const series = ['mean over questions', 'middle half of the traces', 'middle 80 % of the traces']
const [line, half, most] = series
const range = ['#d55e00', '#4f9fd0', '#a9d3ee']

function specOf(rows: readonly Row[]): TopLevelSpec {
  const values = rows.flatMap((row) =>
    ['importance', 'importance low', 'importance high', 'p10', 'p90'].map((field) => Number(row[field] ?? NaN)),
  )
  const domain = powersAround(values.filter((value) => value > 0))
  const steps = Math.log2(domain[1] / domain[0])
  const ticks = Array.from({ length: steps + 1 }, (_, i) => domain[0] * 2 ** i)
  const y = (field: string, isFirst: boolean) => ({
    field,
    type: 'quantitative' as const,
    title: isFirst ? 'importance, thinking = 1' : null,
    scale: { type: 'log' as const, base: 2, domain, clamp: true, nice: false },
    axis: { values: ticks, format: '~g', labels: isFirst, ticks: false, domain: false },
  })
  const colourOf = (what: string | undefined) => ({ datum: what ?? '', scale: { domain: series, range } })
  const position = {
    field: 'middle',
    type: 'quantitative' as const,
    title: 'position in the thinking (%)',
    scale: { domain: [0, 100], nice: false },
    axis: { values: [0, 25, 50, 75, 100], grid: false },
  }
  const name = { field: 'part', type: 'nominal' as const, title: null, axis: { labelAngle: 0, ticks: false } }
  const panel = (part: string, width: number) => {
    const isQuestion = part === 'question'
    const x = isQuestion ? name : position
    const band = (low: string, high: string, colour: string | undefined) => ({
      mark: isQuestion
        ? { type: 'rule' as const, strokeWidth: 26 }
        : { type: 'area' as const, line: false, interpolate: 'linear' as const },
      encoding: { x, y: y(low, isQuestion), y2: { field: high }, color: colourOf(colour) },
    })
    return {
      width,
      height: 270,
      transform: [
        { filter: `datum.part === '${part}'` },
        { calculate: `(datum['from %'] + datum['to %']) / 2`, as: 'middle' },
      ],
      layer: [
        band('p10', 'p90', most),
        band('p25', 'p75', half),
        {
          data: { values: [{ mean: 1 }] },
          mark: { type: 'rule' as const, strokeDash: [5, 4], color: ink },
          encoding: { y: y('mean', isQuestion) },
        },
        {
          mark: { type: 'rule' as const, strokeWidth: 1.6 },
          encoding: { x, y: y('importance low', isQuestion), y2: { field: 'importance high' }, color: colourOf(line) },
        },
        ...(isQuestion
          ? []
          : [
              {
                mark: { type: 'line' as const, strokeWidth: 2 },
                encoding: { x, y: y('importance', false), color: colourOf(line) },
              },
            ]),
        {
          mark: { type: 'point' as const, filled: true, size: 50, opacity: 1 },
          encoding: { x, y: y('importance', isQuestion), color: colourOf(line) },
        },
      ],
    }
  }
  return {
    config: themeConfig,
    data: { values: [...rows] },
    spacing: 16,
    hconcat: [panel('question', 90), panel('thinking', 500)],
    resolve: { scale: { y: 'shared', color: 'shared' } },
  }
}

/** The powers of two around all values and 1, from positive ones. */
function powersAround(values: readonly number[]): [number, number] {
  const exponents = [...values, 1].map((value) => Math.log2(value))
  const [low, high] = [Math.floor(Math.min(...exponents)), Math.ceil(Math.max(...exponents))]
  return [2 ** low, 2 ** (high > low ? high : low + 1)]
}
