import { expect, test } from 'vitest'
import { paretoCsv } from './pareto-csv.ts'
import { paretoSchema, type ParetoRecord } from './pareto-record.ts'
import { summarisePareto } from './summarise-pareto.ts'

function answer(
  trace: string,
  part: Pick<ParetoRecord, 'reading' | 'selection' | 'percent'>,
  right: boolean,
  more: Partial<ParetoRecord> = {},
): ParetoRecord {
  return {
    ...{ schema: paretoSchema, trace, question: trace.slice(0, 1), ...part, sample: 0, seed: 0, basis: '' },
    ...{ thinkingTokens: trace.length * 10, keptTokens: 3, expected: '1', grading: 'math', answer: '1', right },
    ...{ graded: 'exact', truncated: false, thoughtAgain: false, text: '', answerTokens: 4 },
    model: { architecture: 'qwen2', hiddenSize: 2, layers: 2, vocabularySize: 9, name: 'a model' },
    settings: { temperature: 0, topP: 1, topK: 0, minP: 0, maxTokens: 9, kvType: 'f16' },
    ...{ versions: {}, at: '2026-01-01T00:00:00.000Z' },
    ...more,
  }
}

const full = { reading: null, selection: 'full', percent: 100 } as const
const top = { reading: 'text', selection: 'top', percent: 10 } as const
const records = [
  answer('a#0', { ...top, reading: 'cells' }, true),
  answer('a#0', top, false, { truncated: true, thoughtAgain: true }),
  answer('a#0', top, true, { sample: 1, answerTokens: 8 }),
  answer('a#10', top, true),
  answer('b#0', top, false),
  answer('a#0', full, true),
  answer('b#0', full, true),
  answer('c#0', full, false),
  answer('a#0', { ...top, percent: 2 }, false),
  answer('a#0', { reading: 'text', selection: 'none', percent: 0 }, false),
]

test('means over questions, and differences over those that both have', () => {
  const summary = summarisePareto(records)
  expect(summary).toMatchObject({ traces: 4, questions: 3, samples: 2, thinkingTokens: (30 + 40 + 30 + 30) / 4 })
  const points = summary!.points
  expect(points.map(({ reading, selection, percent }) => [reading, selection, percent])).toEqual([
    [null, 'full', 100],
    ['text', 'none', 0],
    ['text', 'top', 2],
    ['text', 'top', 10],
    ['cells', 'top', 10],
  ])
  expect(points[0]).toMatchObject({ accuracy: { mean: expect.closeTo(2 / 3, 12) as number, items: 3 }, toFull: null })
  // a: 2 of 3, b: 0; with all of the thinking both 1.
  expect(points[3]).toMatchObject({
    ...{ answers: 4, answerTokens: 5, truncated: 0.25, thoughtAgain: 0.25 },
    accuracy: { mean: expect.closeTo(1 / 3, 12) as number, items: 2 },
    toFull: { mean: expect.closeTo(-2 / 3, 12) as number, items: 2 },
  })
  const lines = paretoCsv(summary!).split('\n')
  expect(lines[0]).toMatch(/^reading,selection,percent,questions,answers,accuracy,accuracy_low,/)
  expect(lines[1]).toMatch(/^,full,100,3,3,0\.66\d+,,,,,,3,4,0,0$/)
  expect(lines).toHaveLength(7)
})

test('nothing of nothing', () => {
  expect(summarisePareto([])).toBeUndefined()
})
