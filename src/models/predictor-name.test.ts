import { describe, expect, test } from 'vitest'
import { isPredictorName, predictorAmong, predictorNames } from './predictor-name.ts'

describe('names of predictors', () => {
  test.each([
    ['/models/R1-Qwen-7B-Q4_K_M.gguf', ['R1-Qwen-7B-Q4_K_M', 'R1-Qwen-7B']],
    ['R1-Qwen-7B.Q8_0.gguf', ['R1-Qwen-7B.Q8_0', 'R1-Qwen-7B']],
    ['big-BF16-00001-of-00003.gguf', ['big-BF16', 'big']],
    ['R1-UD-Q4_K_XL.gguf', ['R1-UD-Q4_K_XL', 'R1']],
    ['model.GGUF', ['model']],
    ['Q4_K_M.gguf', ['Q4_K_M']],
  ])('of %s', (model, names) => {
    expect(predictorNames(model)).toEqual(names.map((name) => `${name}.predictor.gguf`))
  })

  test('one for the very file comes first, one in its folder before one at the top', () => {
    const files = ['m.predictor.gguf', 'q/m.predictor.gguf', 'm-Q8_0.predictor.gguf'].map((path) => ({ path }))
    expect(predictorAmong('q/m-Q8_0.gguf', files)).toBe(files[2])
    expect(predictorAmong('q/m-Q4_0.gguf', files)).toBe(files[1])
    expect(predictorAmong('m-Q4_0.gguf', files)).toBe(files[0])
    expect(predictorAmong('other.gguf', files)).toBeUndefined()
  })

  test('what is one', () => {
    expect(['a.predictor.gguf', 'A.Predictor.GGUF', 'a.gguf', 'predictor.gguf'].map(isPredictorName)).toEqual([
      true,
      true,
      false,
      false,
    ])
  })
})
