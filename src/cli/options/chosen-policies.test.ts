import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { choosePolicies, type PolicyFlags } from './chosen-policies.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-chosen-'))
afterAll(() => rmSync(folder, { recursive: true }))
const policy = (name: string) => `import { z } from 'zod'
  export default {
    name: '${name}',
    options: z.object({ share: z.number().default(1) }),
    create: () => ({ score: (candidates) => Float32Array.from(candidates) }),
  }`
const a = join(folder, 'a', 'mine.ts')
const b = join(folder, 'b', 'mine.ts')
const c = join(folder, 'c.ts')
const broken = join(folder, 'broken.ts')
beforeAll(() => {
  for (const name of ['a', 'b']) mkdirSync(join(folder, name))
  writeFileSync(a, policy('one'))
  writeFileSync(b, policy('two'))
  writeFileSync(c, policy('one'))
  writeFileSync(broken, 'throw new Error("not today")')
})

const titles = (references: readonly string[], flags: PolicyFlags = {}) =>
  choosePolicies(references, flags).map(({ title }) => title)
const refused = (references: readonly string[], flags: PolicyFlags = {}) => {
  try {
    choosePolicies(references, flags)
  } catch (error) {
    expect(error).toMatchObject({ name: 'InputError' })
    return (error as Error).message
  }
  throw new Error('it was not refused')
}

describe('names', () => {
  test('of a file: its own, so that files of the same name may be compared', () => {
    const chosen = choosePolicies([a, b, 'full'], {})
    expect(chosen.map(({ title }) => title)).toEqual(['one', 'two', 'full'])
    expect(chosen.map(({ definition: { hash } }) => hash?.length)).toEqual([64, 64, undefined])
  })
  test.each<[string[], PolicyFlags, RegExp]>([
    [['full', 'window', 'full'], {}, /the policy full is named twice/],
    [['h2o', 'h2o+question'], { protect: ['question'] }, /h2o\+question is named twice/],
    [[a, a], {}, /the policy one is named twice/],
    [[a, c], {}, /mine\.ts and .*c\.ts are both called one: give one of them another name/],
    [['dints'], {}, /Did you mean dynts/],
    [[broken], {}, /broken\.ts cannot be run: Error: not today/],
  ])('%j is refused', (references, flags, says) => expect(refused(references, flags)).toMatch(says))
})

describe('protection', () => {
  test('of one policy in a list, and of all that do not have it', () => {
    expect(titles(['h2o', 'h2o+question', 'dynts'])).toEqual(['h2o', 'h2o+question', 'dynts'])
    expect(titles(['full', 'h2o', 'dynts', a], { protect: ['question', 'answer'] })).toEqual([
      'full',
      'h2o+question+answer',
      'dynts',
      expect.stringMatching(/^one/) as string,
    ])
  })
  test.each<[string[], PolicyFlags, RegExp]>([
    [['dynts+question'], {}, /"\+question" has no effect: dynts protects the question itself/],
    [['full+answer'], {}, /"\+answer" has no effect: under full nothing is evicted/],
    [['dynts', 'full'], { protect: ['question'] }, /--protect question has no effect under dynts, full/],
    [['h2o+qestion'], {}, /not "qestion"\. Did you mean question/],
    [['h2o'], { protect: ['thinking'] }, /question and answer can be protected/],
  ])('%j is refused', (references, flags, says) => expect(refused(references, flags)).toMatch(says))
})

describe('options', () => {
  const options = (references: readonly string[], flags: PolicyFlags) =>
    Object.fromEntries(choosePolicies(references, flags).map(({ title, options: own }) => [title, own]))
  test('go to the one policy that takes them, or to the one that is named', () => {
    expect(options([a, 'full'], { policyOption: ['share=0.5'] })).toEqual({ one: { share: 0.5 }, full: {} })
    expect(options([a, b], { policyOption: ['two.share=3', 'one.share=.5'] })).toEqual({
      one: { share: 0.5 },
      two: { share: 3 },
    })
    expect(options(['streaming-llm', 'window'], { policyOption: ['sinks=7'] })).toMatchObject({
      'streaming-llm': { sinks: 7 },
      window: {},
    })
    expect(options(['h2o', 'streaming-llm', 'streaming-llm+question'], { sinks: '2' })).toMatchObject({
      'streaming-llm': { sinks: 2 },
      'streaming-llm+question': { sinks: 2 },
    })
  })
  test('what is not given is left to the predictor and to the policy', () => {
    expect(options(['dynts-diverse', 'streaming-llm'], { sinks: '2' })).toEqual({
      'dynts-diverse': {},
      'streaming-llm': { sinks: 2 },
    })
  })
  test.each<[string[], PolicyFlags, RegExp]>([
    [[a, b], { policyOption: ['share=1'] }, /one, two have such an option; say which: one\.share=1/],
    [[a], { policyOption: ['two.share=1'] }, /two is not among the policies one/],
    [[a], { policyOption: ['shre=1'] }, /Policy one has no option `shre`; its options: `share`/],
    [[a, b], { policyOption: ['other=1'] }, /none of one, two has such an option/],
    [['h2o'], { policyOption: ['a=1'] }, /--policy-option is for a policy of your own/],
    [[a], { policyOption: ['share'] }, /must be name=value/],
    [[a], { policyOption: ['share=0x1'] }, /one cannot use `share`/],
    [[a], { policyOption: ['share=1', 'one.share=2'] }, /sets share of one a second time/],
    [['streaming-llm'], { sinks: '4', policyOption: ['sinks=5'] }, /sets sinks of streaming-llm a second time/],
    [['full'], { sinks: '4' }, /--sinks is an option of streaming-llm only/],
    [['streaming-llm'], { sinks: ' 4 ' }, /cannot use `sinks`/],
  ])('%j with %j is refused', (references, flags, says) => expect(refused(references, flags)).toMatch(says))
})
