import { readdirSync } from 'node:fs'
import { Option } from 'commander'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { PolicyDefinition } from './policy.ts'
import { findPolicy, parsePolicyOptions, policyNames, policyOptionTable } from './registry.ts'

describe('findPolicy', () => {
  test('a policy is named like its file, and none is forgotten', () => {
    const files = readdirSync(new URL('policies', import.meta.url)).map((file) => file.replace('.ts', ''))
    expect(policyNames().toSorted()).toEqual(files.toSorted())
    for (const name of policyNames()) expect(findPolicy(name).name).toBe(name)
  })

  test('an unknown name is refused with all names and the nearest one', () => {
    expect(() => findPolicy('dints')).toThrow(
      expect.objectContaining({
        code: 'unknown_policy',
        message: `There is no policy "dints". Did you mean dynts? Policies: ${policyNames().join(', ')}.`,
      }),
    )
    expect(() => findPolicy('toString')).toThrow(expect.objectContaining({ code: 'unknown_policy' }))
  })
})

const everyType: PolicyDefinition = {
  ...findPolicy('window'),
  name: 'every-type',
  options: z.object({
    observationWindow: z.int().min(1).default(32).describe('queries'),
    share: z.number().max(1).default(0.5).describe('share'),
    strict: z.boolean().default(false).describe('strict'),
    mode: z.enum(['a', 'b']).describe('mode'),
  }),
}

describe('parsePolicyOptions', () => {
  const streaming = findPolicy('streaming-llm')

  test('values as a command line or a request gives them', () => {
    expect(parsePolicyOptions(streaming, {})).toEqual({ sinks: 4 })
    expect(parsePolicyOptions(streaming, { sinks: undefined })).toEqual({ sinks: 4 })
    expect(parsePolicyOptions(streaming, { sinks: '10' })).toEqual({ sinks: 10 })
    expect(parsePolicyOptions(streaming, { sinks: 0 })).toEqual({ sinks: 0 })
    expect(parsePolicyOptions(everyType, { mode: 'b', strict: 'true', share: '.25', observationWindow: 8 })).toEqual({
      mode: 'b',
      strict: true,
      share: 0.25,
      observationWindow: 8,
    })
  })

  test.each(['-1', 'four', '', ' ', '1.5', 2.5, true, null, 'Infinity'])('sinks %o is refused', (sinks) => {
    expect(() => parsePolicyOptions(streaming, { sinks })).toThrow(
      expect.objectContaining({
        code: 'invalid_policy_option',
        message: 'Policy streaming-llm cannot use `sinks`: must be a whole number, 0 or more.',
      }),
    )
  })

  test('an option of another policy, or a missing one, is refused', () => {
    expect(() => parsePolicyOptions(findPolicy('dynts'), { sinks: 4 })).toThrow(
      expect.objectContaining({
        code: 'invalid_policy_option',
        message: 'Policy dynts has no option `sinks`; its options: none.',
      }),
    )
    expect(() => parsePolicyOptions(everyType, {})).toThrow('`mode`')
    expect(() => parsePolicyOptions(everyType, { mode: 'a', strict: 'maybe' })).toThrow('`strict`')
  })
})

describe('policyOptionTable', () => {
  test('has a row for each option', () => {
    const rows = policyOptionTable().map((row) => [row.flag, row.key, row.type, row.default, row.policies.join()])
    expect(rows).toEqual([
      ['--diversity', 'diversity', 'number', 0.3, 'dynts-diverse'],
      ['--lag-chunk', 'lagChunk', 'integer', 128, 'lagkv'],
      ['--tri-heads', 'triHeads', 'string', 'mean', 'tri'],
      ['--sinks', 'sinks', 'integer', 4, 'streaming-llm'],
      ['--observation-window', 'observationWindow', 'integer', 32, 'snapkv'],
      ['--r-kv-window', 'rKvWindow', 'integer', 8, 'r-kv'],
      ['--r-kv-lambda', 'rKvLambda', 'number', 0.1, 'r-kv'],
      ['--r-kv-similarity', 'rKvSimilarity', 'number', 0.5, 'r-kv'],
      ['--r-kv-pool', 'rKvPool', 'integer', 7, 'r-kv'],
    ])
    expect(policyOptionTable().find(({ key }) => key === 'sinks')?.description).toBe(
      'how many of the first cells never leave (attention sinks)',
    )
    // A command line takes them as camelCase of the flag.
    for (const { key, flag } of policyOptionTable()) expect(new Option(`${flag} <value>`).attributeName()).toBe(key)
  })

  test.each([
    ['snapkv', { observationWindow: 0 }, '`observationWindow`: must be a whole number, 1 or more'],
    ['r-kv', { rKvWindow: '1.5' }, '`rKvWindow`: must be a whole number, 1 or more'],
    ['r-kv', { rKvLambda: 1.1 }, '`rKvLambda`: must be a number from 0 to 1'],
    ['r-kv', { rKvLambda: 'x' }, '`rKvLambda`: must be a number from 0 to 1'],
    ['r-kv', { rKvSimilarity: -0.1 }, '`rKvSimilarity`: must be a number from 0 to 1'],
    ['dynts-diverse', { diversity: -1 }, '`diversity`: must be a number, 0 or more'],
    ['lagkv', { lagChunk: 0 }, '`lagChunk`: must be a whole number, 1 or more'],
    ['r-kv', { rKvPool: 4 }, '`rKvPool`: must be an odd whole number, 1 or more'],
  ])('%s refuses %o', (name, raw, message) => {
    expect(() => parsePolicyOptions(findPolicy(name), raw)).toThrow(message)
  })

  test('policies that share an option agree on it', () => {
    for (const { policies, key, default: value } of policyOptionTable()) {
      for (const name of policies) expect(parsePolicyOptions(findPolicy(name), {})[key]).toEqual(value)
    }
  })
})
