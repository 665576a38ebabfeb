import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { InputError } from '../errors.ts'
import { inspectGguf } from '../models/gguf-file.ts'
import { attentionFlops, cacheBytesRead, shapeOfHeads, shapeOfModel, windowNotes } from './cost-shape.ts'
import { publishedCosts } from './published-costs.ts'

const tiny = fileURLToPath(new URL('../../models/tiny/tiny-f16.gguf', import.meta.url))

test.each([
  ['r1-llama', 131_072, '15.0'],
  ['r1-qwen', 57_344, '14.1'],
] as const)('%s: bytes of a cell and operations of the matrices', (name, bytes, gigaFlops) => {
  const { shape } = publishedCosts[name]
  const { hiddenSize, layers, flopsPerCell, bytesPerCell, matrixElements, weightBytes } = shapeOfHeads(shape, 'f16')
  expect(bytesPerCell).toBe(bytes)
  expect(((2 * matrixElements) / 1e9).toFixed(1)).toBe(gigaFlops)
  expect(weightBytes).toBe(2 * matrixElements)
  // Their query heads together are as wide as d, and that keys are shared saves no operation.
  expect(flopsPerCell).toBe(4 * layers * hiddenSize)
})

test('heads that are wider than d cost more than 4Ld', () => {
  const qwen3 = { name: 'Qwen3-0.6B', hiddenSize: 1024, layers: 28, queryHeads: 16, kvHeads: 8, headSize: 128 }
  const shape = shapeOfHeads({ ...qwen3, matrixElements: 1, bitsPerWeight: 4.5 }, 'q8_0')
  expect(shape.flopsPerCell).toBe(2 * (4 * 28 * 1024))
  expect(shape.bytesPerCell).toBe(28 * 8 * 2 * 4 * 34)
})

test('without --kv-heads and --head-size each query head has keys of its own', () => {
  const shape = { name: '', hiddenSize: 60, layers: 2, queryHeads: 6, matrixElements: 8, bitsPerWeight: 4 }
  expect(shapeOfHeads(shape, 'f16')).toMatchObject({ bytesPerCell: 2 * 2 * 60 * 2, weightBytes: 4 })
  expect(() => shapeOfHeads({ ...shape, queryHeads: 7 }, 'f16')).toThrow(InputError)
  expect(() => shapeOfHeads({ ...shape, kvHeads: 4 }, 'f16')).toThrow(/`kvHeads: 4`/)
})

test('of the embedded model', async () => {
  const info = await inspectGguf(tiny)
  const shape = shapeOfModel(info, 'f16')
  const { hiddenSize: d, layers, heads, kvHeads, keyLength, feedForward, vocabularySize } = info
  const layer = d * keyLength * (2 * heads + 2 * kvHeads) + 3 * d * feedForward
  expect(shape.matrixElements).toBe(layers * layer + d * vocabularySize)
  // All but the embeddings, which are float16.
  expect(shape.weightBytes).toBe(info.weightBytes - 2 * d * vocabularySize)
  expect(shape.flopsPerCell).toBe(layers * heads * 4 * keyLength)
  expect(shape.bytesPerCell).toBe(layers * kvHeads * keyLength * 2 * 2)
})

test('what is looked up, not used or for later tokens is not multiplied with', async () => {
  const info = await inspectGguf(tiny)
  const tensor = (name: string, ...shape: number[]) => ({ name, shape, type: 'F16', offset: 0, bytes: 8 })
  const { matrixElements, weightBytes } = shapeOfModel(
    {
      ...info,
      layers: 2,
      tensors: [
        tensor('token_embd.weight', 10, 1000),
        tensor('output.weight', 10, 100),
        tensor('output_norm.weight', 10),
        tensor('blk.0.ffn_up_exps.weight', 10, 10, 8),
        tensor('blk.1.nextn.eh_proj.weight', 20, 10),
      ],
      architectureValues: new Map([
        ['expert_count', 8],
        ['expert_used_count', 2],
        ['nextn_predict_layers', 1],
      ]),
    },
    'f16',
  )
  expect(matrixElements).toBe(10 * 100 + 10 * 10 * 2)
  expect(weightBytes).toBe(8 + 8 + 2)
})

test('embeddings that are the output matrix as well are multiplied with', async () => {
  const info = await inspectGguf(tiny)
  const tied = { ...info, tensors: info.tensors.filter(({ name }) => name !== 'output.weight') }
  expect(shapeOfModel(tied, 'f16').matrixElements).toBe(shapeOfModel(info, 'f16').matrixElements)
})

test('layers with a window see no more cells than it has', async () => {
  const info = await inspectGguf(tiny)
  const whole = shapeOfModel(info, 'f16')
  const withWindow = (architecture: string, cells = 100) => ({
    ...{ ...info, architecture },
    architectureValues: new Map([['attention.sliding_window', cells]]),
  })
  // Every second of its six layers.
  const shape = shapeOfModel(withWindow('gemma2'), 'f16')
  expect([shape.flopsPerCell, shape.bytesPerCell]).toEqual([whole.flopsPerCell / 2, whole.bytesPerCell / 2])
  expect(attentionFlops(shape, 60)).toBe(attentionFlops(whole, 60))
  expect(attentionFlops(shape, 300)).toBe((300 + 100) * (whole.flopsPerCell / 2))
  expect(cacheBytesRead(shape, 300)).toBe((300 + 100) * (whole.bytesPerCell / 2))
  expect(windowNotes(withWindow('gemma2'))[0]).toMatch(/^3 of its 6 layers see 100 cells at most/)
  // Its window is not the stated one, and not in every fourth layer.
  expect(windowNotes(withWindow('llama4'))[0]).toMatch(/^5 of its 6 layers see 8192 cells at most/)
  expect(windowNotes(withWindow('phi3'))[0]).toMatch(/counted as if they had none/)
  expect(windowNotes(info)).toEqual([])
})
