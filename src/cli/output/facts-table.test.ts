import { expect, test } from 'vitest'
import { factsTable } from './facts-table.ts'

test('keys become words, nested values lines of their own', () => {
  const facts = {
    schema: 'dynts.some/1',
    chatTemplate: true,
    shape: [256, 512, 128, 1],
    localWindow: null,
    heldOut: { kendallTau: 0.565_412, mse: NaN, overlap: { '20': 0.697, '30': 0.837 } },
    name: 'a model',
  }
  expect(factsTable(facts).split('\n')).toEqual([
    'chat template          yes',
    'shape                  256 x 512 x 128 x 1',
    'local window           unknown',
    'held out, kendall tau  0.5654',
    'held out, mse          unknown',
    'held out, overlap, 20  0.697',
    'held out, overlap, 30  0.837',
    'name                   a model',
  ])
})

test('a number in bytes is known by its name, not by its size', () => {
  const table = factsTable({ weightBytes: 1_117_320_736, bytesPerCell: { f16: 28_672 }, trainedContext: 1_048_576 })
  expect(table).toMatch(/^weight bytes +1\.0 GiB$/m)
  expect(table).toMatch(/^bytes per cell, f16 +28672$/m)
  expect(table).toMatch(/^trained context +1048576$/m)
})
