/** One of everything that a report can be made of, with numbers that are easy to follow. For tests. */
import type { ParetoPoint } from '../../analysis/pareto/summarise-pareto.ts'
import { recallSummaries, type RecalledItem } from '../../evaluation/metrics/recall.ts'
import type { ConfigurationSummary, EvalSummary } from '../../evaluation/run/summarise.ts'
import type { Estimate } from '../../evaluation/metrics/estimate.ts'
import { importanceSource, type ParetoSource, type ReportSources } from '../sources.ts'

const estimate = (mean: number, half = mean / 10): Estimate => ({
  mean,
  interval: { low: mean - half, high: mean + half },
  items: 50,
})

export function configuration(
  policy: string,
  pass: number,
  {
    budget = 320,
    localWindow = 32,
    ratio = 0.5,
    policyOptions = {},
  }: Partial<Record<'localWindow' | 'ratio', number>> & {
    budget?: number | null
    policyOptions?: ConfigurationSummary['policyOptions']
  } = {},
): ConfigurationSummary {
  const isFull = budget === null
  const cells = isFull ? 400 : budget * 0.7
  return {
    ...{
      policy,
      policyOptions,
      policyHash: null,
      protect: [],
      budget,
      evictEvery: null,
      segments: null,
      valueReserve: null,
    },
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
      msPerEviction: isFull ? null : 12,
      degraded: 0,
      refused: 0,
    },
    replay: {
      traces: 40,
      meanCells: 200,
      evictions: 2,
      msPerEviction: isFull ? null : 12,
      loss: estimate(0.7),
      recall: [],
      toFull: isFull ? null : estimate(0.1),
      toDynts: null,
      refused: 0,
    },
    ...{ failures: [], missing: 0 },
  }
}

export function evaluation(
  configurations: readonly ConfigurationSummary[],
  model = 'a model',
  task = 'chain',
): EvalSummary {
  return evaluationOf([[task, configurations]], model)
}

/** A run of several tasks. */
export function evaluationOf(
  tasks: readonly (readonly [string, readonly ConfigurationSummary[]])[],
  model = 'a model',
): EvalSummary {
  return {
    schema: 'dynts.eval.summary/1',
    model: { name: model },
    ...{ predictor: null, template: '', seed: 1, kvType: 'f16', planned: 100, failed: 0, missing: 0, versions: {} },
    tasks: tasks.map(([task, configurations]) => ({
      ...{ task, source: '', maxTokens: 100, sampling: { temperature: 0.6, topP: 0.95, topK: 20 } },
      configurations,
    })),
  } as unknown as EvalSummary
}

/** Two facts at each distance: 4 of 6 and 2 of 6 cells held, and one of two values right at 64. */
const fact = (item: string, distance: number, right: boolean, held: number): RecalledItem => ({
  item,
  recall: { distance, tokensBetween: distance - 1, held, right, logprob: -1 },
})
function recalled(policy: string, budget: number | null): ConfigurationSummary {
  const facts = [
    fact('a', 32, true, 1),
    fact('b', 32, true, 1),
    fact('c', 64, true, 2 / 3),
    fact('d', 64, false, 1 / 3),
  ]
  const { replay, ...one } = configuration(policy, 0.9, { budget })
  if (!replay) throw new Error('there is no replay')
  return { ...one, sampling: null, replay: { ...replay, recall: recallSummaries(facts, { full: [], dynts: [] }) } }
}

export const full = configuration('full', 0.95, { budget: null })
export const nothing: ReportSources = {
  evaluations: [],
  trainings: [],
  importance: [],
  words: [],
  paretos: [],
  kept: [],
  live: [],
  costs: [],
}
const livePoints = (rate: number) =>
  [50, 100].map((step) => ({ step, tokensPerSecond: rate, usedBytes: 2 ** 20 * step, flops: 1e9 * step }))

type Part = readonly [ParetoPoint['reading'], ParetoPoint['selection'], number, number]

export function pareto(model: string, name: string, parts: readonly Part[]): ParetoSource {
  return {
    name,
    task: name.includes(' ') ? undefined : name,
    model: { architecture: 'qwen2', hiddenSize: 2, layers: 2, vocabularySize: 9, name: model },
    settings: { temperature: 0.6, topP: 0.95, topK: 20, minP: 0, maxTokens: 50, kvType: 'f16', seed: 3 },
    ...{ traces: 7, questions: 6, samples: 1, thinkingTokens: 100 },
    points: parts.map(([reading, selection, percent, accuracy]) => ({
      ...{ reading, selection, percent, answers: 7, keptTokens: percent, answerTokens: 9, truncated: 0 },
      ...{ thoughtAgain: percent === 2 ? 1 : 0, accuracy: estimate(accuracy), toFull: null },
    })),
  }
}

export const sources: ReportSources = {
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
    evaluation([recalled('full', null), recalled('dynts', 256)], 'a model', 'recall'),
    evaluationOf([
      ['knights', [full, configuration('dynts', 0.9)]],
      ['line', [full, configuration('dynts', 0.5, { budget: 480 })]],
    ]),
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
    importanceSource('a model', [
      {
        ...{ id: 't', question: 'q' },
        ...{ promptImportance: Float32Array.of(3, 1), importance: Float32Array.of(1, 1, 2, 8) },
      },
    ]),
  ],
  paretos: [
    pareto('a model', 'a file', [
      [null, 'full', 100, 0.9],
      ['text', 'none', 0, 0.1],
      ['text', 'top', 2, 0.7],
      ['text', 'top', 50, 0.8],
      ['cells', 'newest', 50, 0.75],
    ]),
    ...['knights', 'line'].map((task, i) =>
      pareto('a model', task, [
        [null, 'full', 100, 0.9],
        ['text', 'none', 0, 0.1],
        ['text', 'top', 30, 0.8 - i / 2],
        ['text', 'bottom', 30, 0.2],
        ['text', 'top', 50, 0.85],
        ['cells', 'newest', 30, 0.75],
      ]),
    ),
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
  // The paper's Figure 4: A and B are the question, C D F H leave, and four tokens follow.
  kept: [
    {
      schema: 'dynts.analyze.kept/1',
      model: { name: 'a model', quantization: 'F16' },
      settings: { budget: 11, localWindow: 3, ratio: 1 / 3, evictEvery: null },
      trace: { id: 't', promptTokens: 2, thinkStart: 2, thinkEnd: 14, tokens: 15 },
      policies: [
        { title: 'full', evictions: 0, readAtLast: null, kept: [[0, 15]] },
        {
          ...{ title: 'dynts', evictions: 1, readAtLast: 11 },
          kept: [
            [0, 2],
            [4, 5],
            [6, 7],
            [8, 11],
          ],
        },
      ],
    },
  ],
  // R1-Llama at its first two evictions, with operations and bytes that are easy to follow.
  costs: [
    {
      schema: 'dynts.analyze.cost/1',
      shape: { name: 'a model' },
      settings: {
        ...{ budget: 5000, localWindow: 2000, ratio: 0.3, promptCells: 0, textLength: 8000 },
        ...{ sequences: 20, kvType: 'f16' },
      },
      points: (
        [
          [4999, 0, 4999],
          [5000, 1, 2900],
          [7100, 2, 2900],
        ] as const
      ).map(([tokens, evictions, bounded]) => ({
        ...{ tokens, evictions, evicts: evictions > 0 },
        cells: { full: tokens, bounded, ratio: bounded / tokens },
        flops: { full: 100, bounded: 94, ratio: 0.94 },
        bytes: { full: 100, bounded: 61.2, ratio: 0.612 },
      })),
      published: { figure: 5, cellRatios: [0.58, 0.41], flopsRatios: [0.87, 0.77] },
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
      evictions: [
        { step: 60, tokensPerSecond: 1.75, cells: 0.5, flops: 0.8 },
        { step: 100, tokensPerSecond: null, cells: 0.25, flops: 0.7 },
      ],
    },
  ],
}
