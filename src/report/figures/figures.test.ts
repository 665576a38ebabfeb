import { describe, expect, test } from 'vitest'
import type { ConfigurationSummary, EvalSummary } from '../../evaluation/run/summarise.ts'
import type { Estimate } from '../../evaluation/metrics/estimate.ts'
import { figures } from '../registry.ts'
import { drawFigure, pictureCsv, reportPage, standaloneSvg } from '../report-page.ts'
import type { ReportSources } from '../sources.ts'

const estimate = (mean: number, half = mean / 10): Estimate => ({
  mean,
  interval: { low: mean - half, high: mean + half },
  items: 50,
})

function configuration(
  policy: string,
  pass: number,
  {
    budget = 320,
    localWindow = 32,
    ratio = 0.5,
  }: { budget?: number | null; localWindow?: number; ratio?: number } = {},
): ConfigurationSummary {
  const isFull = budget === null
  const cells = isFull ? 400 : budget * 0.7
  return {
    ...{ policy, policyOptions: {}, policyHash: null, protect: [], budget, evictEvery: null, segments: null },
    ...{ localWindow: isFull ? null : localWindow, ratio: isFull ? null : ratio },
    sampling: {
      samples: 50,
      pass1: estimate(pass),
      toFull: isFull ? null : estimate(pass - 0.95),
      toDynts: null,
      thinkingToFull: isFull ? null : estimate(1.1),
      atK: [],
      costs: {
        truncated: estimate(0.02),
        looped: estimate(0.01),
        thinkingTokens: estimate(300),
        meanCells: estimate(cells),
        peakCells: estimate(budget ?? 600),
        peakBytes: estimate(1e6),
        highestCells: budget ?? 700,
        highestBytes: 2e6,
      },
      speed: { wall: isFull ? 100 : 150, authors: isFull ? 120 : 240 },
      evictions: 3,
      degraded: 0,
      refused: 0,
    },
    replay: {
      traces: 40,
      meanCells: 200,
      evictions: 2,
      loss: estimate(0.7),
      recall: [],
      toFull: isFull ? null : estimate(0.1),
      toDynts: null,
      refused: 0,
    },
    ...{ failures: [], missing: 0 },
  }
}

function evaluation(configurations: readonly ConfigurationSummary[]): EvalSummary {
  return {
    schema: 'dynts.eval.summary/1',
    model: { name: 'a model' },
    ...{ predictor: null, template: '', seed: 1, kvType: 'f16', planned: 100, failed: 0, missing: 0, versions: {} },
    tasks: [
      {
        ...{ task: 'chain', source: '', maxTokens: 100, sampling: { temperature: 0.6, topP: 0.95, topK: 20 } },
        configurations,
      },
    ],
  } as unknown as EvalSummary
}

const full = configuration('full', 0.95, { budget: null })
const nothing: ReportSources = { evaluations: [], trainings: [], importance: [], words: [], paretos: [], live: [] }
const livePoints = (rate: number) =>
  [50, 100].map((step) => ({ step, tokensPerSecond: rate, usedBytes: 2 ** 20 * step, flops: 1e9 * step }))

const sources: ReportSources = {
  evaluations: [
    evaluation([
      full,
      configuration('dynts', 0.9),
      configuration('question-window', 0.8),
      configuration('<b>mine', 0.5),
    ]),
    evaluation([full, ...[256, 320].flatMap((budget) => [configuration('dynts', budget / 400, { budget })])]),
    evaluation(
      [16, 32].flatMap((localWindow) => [0.2, 0.5].map((ratio) => configuration('dynts', 0.9, { localWindow, ratio }))),
    ),
  ],
  trainings: [
    {
      schema: 'dynts.training/1',
      model: { name: 'a model' },
      data: { heldOut: { traces: 5, tokens: 900 } },
      history: [0, 1, 2].map((epoch) => ({
        epoch,
        trainingMse: epoch === 0 ? null : 1 / epoch,
        heldOut: { mse: 2 / (epoch + 1), kendallTau: epoch / 4, overlap: { '20': 0.5, '30': 0.75 } },
      })),
    },
  ],
  importance: [
    { model: 'a model', traces: [{ id: 't', question: Float32Array.of(3, 1), thinking: Float32Array.of(1, 1, 2, 8) }] },
  ],
  paretos: [
    {
      model: { architecture: 'qwen2', hiddenSize: 2, layers: 2, vocabularySize: 9, name: 'a model' },
      settings: { temperature: 0.6, topP: 0.95, topK: 20, minP: 0, maxTokens: 50, kvType: 'f16' },
      ...{ traces: 7, questions: 6, samples: 1, thinkingTokens: 100 },
      points: (
        [
          [null, 'full', 100, 0.9],
          ['text', 'none', 0, 0.1],
          ['text', 'top', 2, 0.7],
          ['text', 'top', 50, 0.8],
          ['cells', 'newest', 50, 0.75],
        ] as const
      ).map(([reading, selection, percent, accuracy]) => ({
        ...{ reading, selection, percent, answers: 7, keptTokens: percent, answerTokens: 9, truncated: 0 },
        ...{ thoughtAgain: percent === 2 ? 1 : 0, accuracy: estimate(accuracy), toFull: null },
      })),
    },
  ],
  words: [
    {
      schema: 'dynts.analyze.words/1',
      model: { name: 'a model' },
      summary: {
        ...{ traces: 12, questions: 6, thinkingTokens: 900 },
        byDecile: Array.from({ length: 10 }, (_, i) => ({
          content: estimate(0.5 - i / 100),
          function: estimate(0.3 + i / 100),
          symbol: i === 9 ? null : estimate(0.2),
        })),
      },
    },
  ],
  live: [
    {
      schema: 'dynts.analyze.live/1',
      model: { name: 'a model', quantization: 'F16' },
      settings: { policy: 'dynts', budget: 64, localWindow: 8, sequences: 4, tokens: 101, kvType: 'f16' },
      machine: { backend: 'cpu', threads: 2 },
      runs: [{ ratio: 1.9 }, { ratio: 2.1 }],
      ratio: 1.9,
      full: { allocatedBytes: 2 ** 20, points: livePoints(100) },
      bounded: { allocatedBytes: 2 ** 19, points: livePoints(200) },
      evictions: [{ step: 60 }],
    },
  ],
}

const pictureOf = (name: string) => figures.find((figure) => figure.name === name)!.pictures(sources)[0]!

describe('every figure', () => {
  test.each(figures)('$name: is drawn from its sources, and from nothing there is nothing', async (figure) => {
    expect(figure.pictures(nothing)).toEqual([])
    const { pictures } = await drawFigure(figure, figure.pictures(sources))
    expect(pictures.length).toBeGreaterThan(0)
    for (const picture of pictures) {
      expect(picture.svg).toMatch(/^<svg[^>]* viewBox=/)
      expect(picture.svg).not.toContain('undefined')
      expect(picture.settings).toContain('a model')
      expect(picture.description).not.toMatch(/NaN|undefined/)
      expect(standaloneSvg(picture)).not.toContain('currentColor')
      expect(pictureCsv(picture).trim().split('\n')).toHaveLength(picture.rows.length + 1)
    }
  })

  test('has its own name and title', () => {
    expect(new Set(figures.map(({ name }) => name)).size).toBe(figures.length)
    expect(new Set(figures.map(({ title }) => title)).size).toBe(figures.length)
  })
})

test('rows have the values of the summary, in percent where the axis says so', () => {
  expect(pictureOf('accuracy').rows[0]).toMatchObject({ policy: 'full', n: 50, 'Pass@1': 95, 'mean cells': 400 })
  expect(pictureOf('accuracy').rows[1]).toMatchObject({ policy: 'dynts', 'Pass@1 low': 81, 'Pass@1 high': 99 })
  expect(pictureOf('throughput').rows[0]).toEqual({ policy: 'dynts', B: 320, wall: 1.5, authors: 2 })
  expect(pictureOf('budget-sweep').rows.map(({ B, 'Pass@1': pass }) => [B, pass])).toEqual([
    [null, 95],
    [256, 64],
    [320, 80],
  ])
  expect(pictureOf('window-ratio').rows).toHaveLength(4)
})

test('the share above the mean is counted over the thinking alone', () => {
  // Mean 3: one of four is above it.
  expect(pictureOf('importance-profile').settings).toContain('mean 3.00, above it 25 %')
})

test('shares of words in percent, beside what was published', () => {
  const { rows, settings } = pictureOf('content-words')
  expect(rows).toHaveLength(10)
  expect(rows[0]).toMatchObject({
    part: 'top 10 %',
    'content words': 50,
    'published, least': 37.5,
    'published, most': 56.6,
  })
  expect(rows[9]).toMatchObject({ part: '90 to 100 %', 'function words': 39, 'numbers and symbols': null })
  expect(settings).toContain('n = 6 questions, 12 traces')
})

test('a run in step: both caches in units of people, the ratio with its spread', () => {
  const { rows, description } = pictureOf('live')
  expect(rows).toHaveLength(4)
  expect(rows[3]).toEqual({
    ...{ policy: 'dynts', step: 100, 'tokens per second': 200 },
    ...{ 'cells in use (MiB)': 100, 'operations of a token (GFLOPs)': 100 },
  })
  expect(description).toContain('1.90 times the tokens per second of the full one (1.90 to 2.10 in 2 runs)')
})

test('a panel for each reading, and accuracy in percent by what was kept', () => {
  const { rows, spec, settings } = pictureOf('pareto')
  expect(rows.map(({ kept, accuracy }) => [kept, accuracy])).toEqual([
    ...[
      ['full', 90],
      ['none', 10],
      ['top', 70],
      ['top', 80],
      ['newest', 75],
    ],
  ])
  expect(rows[2]).toMatchObject({ reading: 'text', '% of the thinking': 2, 'accuracy low': 63, 'thought again': 1 })
  expect((spec as { hconcat: unknown[] }).hconcat).toHaveLength(2)
  expect(settings).toContain('n = 6 questions, 7 traces of 100 thinking tokens')
})

test('a sweep is no comparison at one setting', () => {
  const [, sweep] = sources.evaluations
  for (const name of ['accuracy', 'cache-length', 'thinking', 'throughput', 'replay-loss']) {
    const figure = figures.find((one) => one.name === name)!
    expect(figure.pictures({ ...nothing, evaluations: [sweep!] })).toEqual([])
  }
})

test('replay loss has a picture for each setting of a sweep that several policies share', () => {
  const at = (budget: number) => ['dynts', 'window'].map((policy) => configuration(policy, 0.9, { budget }))
  const alone = configuration('dynts', 0.9, { budget: 512 })
  const figure = figures.find(({ name }) => name === 'replay-loss')!
  const drawn = figure.pictures({ ...nothing, evaluations: [evaluation([full, ...at(256), ...at(320), alone])] })
  expect(drawn.map(({ title, rows }) => [title, rows.map((row) => row['B'])])).toEqual([
    ['chain, B 256, W_l 32, ratio 0.5', [256, 256]],
    ['chain, B 320, W_l 32, ratio 0.5', [320, 320]],
  ])
  const many = [1, 2, 3, 4, 5, 6, 7].flatMap((i) => at(300 + i))
  expect(figure.pictures({ ...nothing, evaluations: [evaluation([full, ...many])] })).toEqual([])
})

test('who is first is not claimed in a tie', () => {
  const accuracyOf = (...all: ConfigurationSummary[]) =>
    figures.find(({ name }) => name === 'accuracy')!.pictures({ ...nothing, evaluations: [evaluation(all)] })[0]!
      .description
  const [dynts, window] = [configuration('dynts', 0.9), configuration('window', 0.9)]
  expect(accuracyOf(configuration('dynts', 0.8), window)).toBe('Pass@1 of 2 policies; the highest has window: 90 %.')
  expect(accuracyOf(dynts, window)).toBe('Pass@1 of 2 policies; all of them share the highest: 90 %.')
  expect(accuracyOf(dynts, window, configuration('random', 0.5))).toBe(
    'Pass@1 of 3 policies; dynts and window share the highest: 90 %.',
  )
})

test('the page has each picture with its data, says what is missing, and no name becomes markup', async () => {
  const drawn = await Promise.all(
    figures.map((figure) => drawFigure(figure, figure.name === 'training-curves' ? [] : figure.pictures(sources))),
  )
  const page = reportPage('A & B', ['made of <this>'], drawn)
  expect(page).toContain('<title>A &amp; B</title>')
  expect(page).toContain('made of &lt;this&gt;')
  expect(page).not.toContain('<b>mine')
  expect(page).toMatch(/<section id="missing"[\s\S]*Training of the importance predictor/)
  expect(page).not.toMatch(/(?:src|href)="https?:/)
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
  expect(new Set(ids).size).toBe(ids.length)
})
