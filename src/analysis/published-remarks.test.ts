import { expect, test } from 'vitest'
import { fullAboveTable, otherMethodRemarks, withinErrorRemarks } from './published-remarks.ts'
import { publishedTasks } from './published-tables.ts'

const [llama, qwen] = ['DeepSeek R1 Distill Llama 8B', 'DeepSeek R1 Distill Qwen 7B']

test('published rows of other methods are named, and no others', () => {
  expect(otherMethodRemarks(['full', 'dynts', 'window', 'h2o+question'])).toEqual([])
  const [told, ...rest] = otherMethodRemarks(['random', 'dynts-bottom', 'dynts'])
  expect(rest).toEqual([])
  expect(told).toBe(
    'other methods there: random is T-Random, which thins the question out; dynts-bottom is T-Bottom, which loses the question first',
  )
})

test('what the paper has above the full cache on AIME is within the error of 30 problems', () => {
  // 47.3 % of 150 samples: 4.08; 35.3 %: 3.90.
  expect(withinErrorRemarks(llama, 'aime24')).toEqual([
    'DynTS is +2.0 to full there, within one standard error (4.1 or more)',
  ])
  expect(withinErrorRemarks(qwen, 'aime25')).toEqual([
    'DynTS is +1.3 to full there, within one standard error (3.9 or more)',
  ])
  expect(withinErrorRemarks('another', 'aime24')).toEqual([])
  // 76.4 to 77.9 of 1,925 samples.
  expect(withinErrorRemarks(qwen, 'gaokao2023en')).toEqual([])
  const gains = publishedTasks.flatMap(({ task }) => [llama, qwen].flatMap((model) => withinErrorRemarks(model, task)))
  expect(gains.filter((text) => text.includes('+'))).toHaveLength(5)
})

test('with complete traces only, the full cache of Figure 12 is up to 27 points above Table 1', () => {
  const { least, most } = fullAboveTable()
  // 45 less 46.4, and 62 less 35.3.
  expect(least).toBeCloseTo(-1.4, 9)
  expect(most).toBeCloseTo(26.7, 9)
})
