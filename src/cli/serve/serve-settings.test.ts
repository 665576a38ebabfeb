import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { LoadedPredictor, LocatedModel } from '../../engine/locate-model.ts'
import { digestOf } from './serve-settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-digest-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const info = { architecture: 'qwen2', hiddenSize: 8, layers: 2, vocabularySize: 16, name: 'a', fileBytes: 99 }
const located = (predictor?: string, more: object = {}) => {
  const path = join(folder, 'predictor')
  if (predictor !== undefined) writeFileSync(path, predictor)
  const loaded = predictor === undefined ? undefined : ({ path, shape: [8, 1] } as unknown as LoadedPredictor)
  return { info: { ...info, ...more } as LocatedModel['info'], predictor: loaded }
}

test('servers that may answer differently are told apart, others are not', () => {
  const all = [
    digestOf(located(), 'f16'),
    digestOf(located('one'), 'f16'),
    digestOf(located('two'), 'f16'),
    digestOf(located('one'), 'q8_0'),
    digestOf(located('one', { name: 'b' }), 'f16'),
    digestOf(located('one', { fileBytes: 98 }), 'f16'),
  ]
  expect(new Set(all).size).toBe(all.length)
  expect(digestOf(located('one'), 'f16')).toBe(all[1])
  for (const digest of all) expect(digest).toMatch(/^[0-9a-f]{8}$/)
})
