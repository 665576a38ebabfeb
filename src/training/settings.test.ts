import { expect, test } from 'vitest'
import { InputError } from '../errors.ts'
import { defaultTrainingSettings, differentSetting, parseTrainingSettings } from './settings.ts'

test('what is left out has the paper’s value', () => {
  expect(parseTrainingSettings({ epochs: 3, batch: undefined })).toEqual({ ...defaultTrainingSettings, epochs: 3 })
  expect(defaultTrainingSettings).toMatchObject({ epochs: 15, batch: 256, learningRate: 5e-4, beta1: 0.9, beta2: 0.95 })
})

test.each<[object, RegExp]>([
  [{ epochs: 0 }, /^`epochs` must be .*, not 0$/],
  [{ epochs: 1.5 }, /^`epochs` must be .*, not 1\.5$/],
  [{ learningRate: -1 }, /^`learningRate` must be .*, not -1$/],
  [{ learningRate: Infinity }, /^`learningRate` must be .*, not Infinity$/],
  [{ beta2: 1 }, /^`beta2` must be .*, not 1$/],
  [{ clip: 0 }, /^`clip` must be .*, not 0$/],
  [{ validationShare: 0 }, /^`validationShare` must be .*, not 0$/],
  [{ seed: -1 }, /^`seed` must be .*, not -1$/],
  [{ target: 'cube' }, /"cube" is no target/],
])('%o is refused', (given, message) => {
  expect(() => parseTrainingSettings(given)).toThrow(InputError)
  expect(() => parseTrainingSettings(given)).toThrow(message)
})

test('the difference of two trainings is named', () => {
  const settings = parseTrainingSettings({})
  expect(differentSetting(settings, settings)).toBeUndefined()
  expect(differentSetting(settings, { ...settings, weightDecay: 0.1 })).toEqual({
    name: 'weightDecay',
    before: '0.01',
    now: '0.1',
  })
})
