import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { protectionOf } from './check-policy.ts'
import {
  addedProtection,
  formatPolicyReference,
  parsePolicyReference,
  parseProtect,
  protectableParts,
  withProtection,
} from './protect.ts'
import { findPolicy, parsePolicyOptions, policyNames } from './registry.ts'

describe('parsePolicyReference', () => {
  test.each([
    ['h2o', 'h2o', []],
    ['h2o+question', 'h2o', ['question']],
    ['h2o+question+answer', 'h2o', ['answer', 'question']],
    ['h2o+answer+question+answer', 'h2o', ['answer', 'question']],
    ['./mine.ts+question', './mine.ts', ['question']],
    ['mine.mjs+answer', 'mine.mjs', ['answer']],
    ['file:///a/mine.ts+answer', 'file:///a/mine.ts', ['answer']],
    ['./c++/mine.ts', './c++/mine.ts', []],
    ['./c++/mine.ts+question', './c++/mine.ts', ['question']],
    ['./a+b.ts+question+answer', './a+b.ts', ['answer', 'question']],
    ['./a.ts+question/mine.ts', './a.ts+question/mine.ts', []],
    ['./mine+question', './mine', ['question']],
    ['./mine+more', './mine+more', []],
  ])('%s', (text, policy, protect) => {
    expect(parsePolicyReference(text)).toEqual({ policy, protect })
  })

  test.each([
    ['h2o+questoin', 'question and answer can be protected, not "questoin". Did you mean question?'],
    ['h2o+', 'question and answer can be protected, not "".'],
    ['h2o+question+local-window', 'question and answer can be protected, not "local-window".'],
    ['./mine.ts+Answer', 'question and answer can be protected, not "Answer". Did you mean answer?'],
  ])('%s is refused', (text, message) => {
    expect(() => parsePolicyReference(text)).toThrow(
      expect.objectContaining({ name: 'InputError', code: 'invalid_protect', message }),
    )
  })

  test('reads back what formatPolicyReference writes', () => {
    const policies = fc.constantFrom(...policyNames(), './mine.ts', 'c++/a+b.js', 'file:///x/y.mts')
    fc.assert(
      fc.property(policies, fc.subarray([...protectableParts]), (policy, protect) => {
        expect(parsePolicyReference(formatPolicyReference({ policy, protect }))).toEqual({ policy, protect })
      }),
    )
    expect(formatPolicyReference({ policy: 'h2o', protect: ['answer', 'question'] })).toBe('h2o+question+answer')
  })
})

test.each([[[null]], [[5]], [['question', undefined]], [[{}]]])('%j cannot be protected', (parts) => {
  expect(() => parseProtect(parts)).toThrow(expect.objectContaining({ name: 'InputError', code: 'invalid_protect' }))
})

test.each(policyNames())('what takes effect under %s is what it does not protect by itself', (name) => {
  const definition = findPolicy(name)
  const own = protectionOf(definition, parsePolicyOptions(definition, {}))
  fc.assert(
    fc.property(fc.subarray([...protectableParts]), (protect) => {
      const added = addedProtection(definition, own, protect)
      expect(added).toEqual(definition.evicts ? protect.filter((part) => !own[part]) : [])
      const effective = withProtection(own, added)
      expect(effective).toEqual({
        ...own,
        question: own.question || added.includes('question'),
        answer: own.answer || added.includes('answer'),
      })
    }),
  )
})
