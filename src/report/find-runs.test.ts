import { expect, test } from 'vitest'
import { runNames } from './find-runs.ts'

test('runs are called by as much of their paths as tells them apart', () => {
  expect(runNames(['runs/table1', 'runs/budget', '/old/table1/'])).toEqual(['runs/table1', 'budget', 'old/table1'])
  expect(runNames(['a.metrics.json', 'aime.traces.pareto.jsonl', 'live.json'])).toEqual(['a', 'aime', 'live'])
  expect(runNames(['.'])).toEqual([undefined])
})
