import { expect, test } from 'vitest'
import { InputError } from '../errors.ts'
import { apiErrorOf } from './api-error.ts'

const errorOf = (message: string) => apiErrorOf(new InputError('invalid_budget', message)).body.error

test('what the engine refuses names the field as the request has it', () => {
  expect(errorOf('`localWindow` must be below `budget`')).toMatchObject({
    message: 'local_window must be below budget',
    param: 'dynts.local_window',
  })
  expect(errorOf('`maxTokens` must be at least 1')).toMatchObject({ param: 'max_tokens' })
})

test('of what no request has, or where no field is named, there is no parameter', () => {
  expect(errorOf('`kvType: f16` is needed')).toMatchObject({ message: '--kv-type f16 is needed', param: null })
  expect(errorOf('it does not fit')).toMatchObject({ param: null })
})

test('what a broken model cannot compute is not the request’s fault', () => {
  expect(apiErrorOf(new InputError('no_score', 'position 3 has no score'))).toMatchObject({ status: 500 })
})
