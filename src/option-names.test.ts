import { expect, test } from 'vitest'
import { fieldOf, withFields, withFlags } from './option-names.ts'

test.each([
  ['`localWindow` must be a whole number', '--local-window must be a whole number'],
  ['use `gpu: off`, or `kvType: q8_0`', 'use --gpu off, or --kv-type q8_0'],
  ['give `resume: false`', 'give --no-resume'],
  ['give `keepGoing: true`', 'give --keep-going'],
  ['`rKvLambda`: must be a number', '--r-kv-lambda: must be a number'],
  [
    'what it asks for (`templateVariables`), the key (`apiKey`)',
    'what it asks for (--template-var), the key (--api-key-env)',
  ],
  ['`dynts eval summary FOLDER --all` prints them', '`dynts eval summary FOLDER --all` prints them'],
  ['no option here', 'no option here'],
])('%s: on the command line', (message, expected) => expect(withFlags(message)).toBe(expected))

test('fields of a request, and flags of what no request has', () => {
  const spell = (name: string) => (name === 'localWindow' || name === 'budget' ? fieldOf(name) : undefined)
  expect(withFields('give `budget: 96` or more, a smaller `localWindow`, or `gpu: off`', spell)).toBe(
    'give budget 96 or more, a smaller local_window, or --gpu off',
  )
})
