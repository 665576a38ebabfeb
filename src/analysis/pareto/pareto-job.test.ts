import { expect, test } from 'vitest'
import { inputOf, keptOf, paretoJobs, type ParetoPlan, type ParetoTrace } from './pareto-job.ts'

/** Prompt 10 11 <1>, thinking 20..29, </think> 2 3, answer 30 31. */
const thinking = Array.from({ length: 10 }, (_, i) => 20 + i)
const trace: ParetoTrace = {
  trace: {
    ...{ id: 'q#0', question: 'q', tokens: [10, 11, 1, ...thinking, 2, 3, 30, 31] },
    ...{ thinkStart: 3, thinkEnd: 13, answerStart: 15 },
  },
  scores: {
    importance: Float32Array.from([5, 1, 0, 9, 2, 2, 7, 0, 3, 2]),
    predicted: Float32Array.from({ length: 10 }, (_, i) => i),
  },
  ...{ expected: '7', grading: 'math' },
}
const plan: ParetoPlan = {
  ...{ readings: ['text', 'cells'], selections: ['top', 'random'], percents: [30, 100], samples: 2, seed: 5 },
}
const jobs = paretoJobs([trace], plan)
const find = (reading: string | null, selection: string, percent: number) =>
  jobs.find((job) => job.reading === reading && job.selection === selection && job.percent === percent)!

test('all of the thinking once, and by reading nothing and each size of each selection', () => {
  expect(jobs).toHaveLength(2 * (1 + 2 * (1 + 2 * 2)))
  expect(new Set(jobs.map(({ key }) => key)).size).toBe(jobs.length)
  const seeds = (sample: number) => new Set(jobs.filter((job) => job.sample === sample).map(({ seed }) => seed))
  expect([seeds(0).size, seeds(1).size]).toEqual([1, 1])
  expect(seeds(0)).not.toEqual(seeds(1))
})

test('as text, the kept tokens follow each other between the tags', () => {
  expect(inputOf(find('text', 'top', 30))).toEqual({
    prompt: { tokens: [10, 11, 1, 20, 23, 26, 2, 3] },
    promptEviction: undefined,
  })
  expect(inputOf(find('text', 'none', 0)).prompt).toEqual({ tokens: [10, 11, 1, 2, 3] })
})

test('as cells, all is read, and the others leave before the closing tag', () => {
  const whole = { tokens: [10, 11, 1, ...thinking, 2, 3] }
  expect(inputOf(find('cells', 'top', 30))).toEqual({
    prompt: whole,
    promptEviction: { at: 13, leaving: [4, 5, 7, 8, 10, 11, 12] },
  })
  expect(inputOf(find('cells', 'none', 0)).promptEviction?.leaving).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  for (const job of [find(null, 'full', 100), find('text', 'top', 100), find('cells', 'random', 100)]) {
    expect(inputOf(job).prompt).toEqual(whole)
    expect(inputOf(job).promptEviction?.leaving ?? []).toEqual([])
    expect([...keptOf(job)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  }
})

test('another importance is another basis of the top alone, another text of all', () => {
  const changed = (change: Partial<ParetoTrace>) => {
    const others = paretoJobs([{ ...trace, ...change }], plan)
    return new Set(jobs.filter(({ basis }, i) => basis !== others[i]!.basis).map(({ selection }) => selection))
  }
  const importance = Float32Array.from(trace.scores.importance).reverse()
  expect(changed({ scores: { ...trace.scores, importance } })).toEqual(new Set(['top']))
  expect(changed({ scores: { ...trace.scores, predicted: undefined } })).toEqual(new Set())
  const tokens = [...trace.trace.tokens.slice(0, -3), 4, 30, 31]
  expect(changed({ trace: { ...trace.trace, tokens } })).toEqual(new Set(['full', 'none', 'top', 'random']))
})
