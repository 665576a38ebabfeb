import { describe, expect, test } from 'vitest'
import { evalPlan, extendPlan, narrowPlan, plannedGroups } from './eval-plan.ts'
import { fakePlan, identity, jobsOf, point } from './records.fake.ts'

const shape = (plan: Parameters<typeof plannedGroups>[0]) =>
  plannedGroups(plan).map(({ configuration: { kind, policy }, jobs }) => `${kind} ${policy} ${jobs.length}`)

describe('a plan', () => {
  test('has a job for each sample of each item under each policy, with the same seed under every policy', () => {
    const jobs = jobsOf(fakePlan({ items: 2, samples: 2 }))
    expect(jobs.map(({ policy, item, sample }) => `${policy} ${item} ${sample}`).slice(0, 5)).toEqual([
      'full q0 0',
      'full q0 1',
      'full q1 0',
      'full q1 1',
      'dynts q0 0',
    ])
    const seeds = (policy: string) => jobs.filter((job) => job.policy === policy).map(({ seed }) => seed)
    expect(seeds('dynts')).toEqual(seeds('full'))
    expect(new Set(seeds('full')).size).toBe(4)
  })

  test('survives the way through a file', () => {
    const plan = fakePlan({ metrics: ['pass', 'replay-loss'] })
    expect(evalPlan.parse(JSON.parse(JSON.stringify(plan)))).toEqual(plan)
  })

  test('has limits for single policies', () => {
    const points = [point('full', { limit: 3 }), point('dynts', { limit: 2 }), point('window')]
    expect(shape(fakePlan({ points, items: 5 }))).toEqual(['sample full 3', 'sample dynts 2', 'sample window 5'])
  })

  test('samples the full cache for replays, even if it is not asked for', () => {
    const points = [point('dynts'), point('window', { limit: 2 })]
    expect(shape(fakePlan({ points, metrics: ['replay-loss'] }))).toEqual([
      'sample full 3',
      'replay full 3',
      'replay dynts 3',
      'replay window 2',
    ])
    expect(
      shape(fakePlan({ points: [point('full', { limit: 2 }), ...points], metrics: ['pass', 'replay-loss'] })),
    ).toEqual([
      'sample full 2',
      'sample dynts 3',
      'sample window 2',
      'replay full 2',
      'replay dynts 2',
      'replay window 2',
    ])
  })
})

describe('a folder that another plan is run in', () => {
  const extend = (a: ReturnType<typeof fakePlan>, b: ReturnType<typeof fakePlan>) => extendPlan(a, b, 'here')

  test('has one calibration, once a policy looks at one', () => {
    const of = (calibration: string | null) => ({ ...fakePlan({ points: [point('full')], items: 1 }), calibration })
    expect(extend(of(null), of('a')).calibration).toBe('a')
    expect(extend(of('a'), of(null)).calibration).toBe('a')
    expect(() => extend(of('a'), of('b'))).toThrow(/another calibration/)
    const { calibration, ...before } = of(null)
    expect(evalPlan.parse(before)).toEqual({ ...before, calibration })
  })

  test('has both then: policies, items, samples, metrics may grow', () => {
    const small = fakePlan({ points: [point('full'), point('dynts')], items: 2 })
    const large = fakePlan({ points: [point('dynts'), point('window')], items: 4, samples: 2 })
    const both = extend(small, large)
    expect(shape(both)).toEqual(['sample full 2', 'sample dynts 8', 'sample window 8'])
    expect(extend(both, small)).toEqual(both)
    expect(extend(both, large)).toEqual(both)
    expect(new Set(shape(extend(large, small)))).toEqual(new Set(shape(both)))
    expect(shape(extend(small, fakePlan({ points: [point('dynts', { budget: 256 })], items: 1 })))).toEqual([
      'sample full 2',
      'sample dynts 2',
      'sample dynts 1',
    ])
  })

  test.each([
    ['seed', { seed: 2 }, /seed is 1, not 2/],
    ['tokens', { maxTokens: 50 }, /`maxTokens` for chain are 100, not 50/],
  ])('refuses another %s', (_, change, message) => {
    expect(() => extend(fakePlan(), fakePlan(change))).toThrow(message)
  })

  test('refuses another model, predictor, and other questions', () => {
    const plan = fakePlan()
    expect(() => extend(plan, { ...plan, model: { ...identity.model, bytes: 7 } })).toThrow(/its model is/)
    expect(() => extend(plan, { ...plan, predictor: 'p' })).toThrow(/another importance predictor/)
    expect(() => extend(plan, { ...plan, template: 't' })).toThrow(/another chat template/)
    const [task] = plan.tasks
    const [first, ...rest] = task!.items
    const other = {
      ...plan,
      tasks: [{ ...task!, items: [{ ...first, prompt: 'other' }, ...rest] as typeof rest as never }],
    }
    expect(() => extend(plan, other)).toThrow(/its questions for chain are others/)
  })
})

test('a plan narrowed to a smaller one has its items and samples, and all configurations', () => {
  const whole = fakePlan({ items: 30, samples: 3 })
  const asked = fakePlan({ items: 5, points: [point('dynts')] })
  expect(shape(narrowPlan(whole, asked))).toEqual(['sample full 5', 'sample dynts 5', 'sample window 5'])
  expect(narrowPlan(whole, whole)).toEqual(whole)
  expect(narrowPlan(asked, whole)).toEqual(asked)
})
