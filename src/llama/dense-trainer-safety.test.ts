import { describe, expect, test, vi } from 'vitest'
import { mulberry32 } from '../mulberry32.ts'
import {
  bits,
  constantGradient,
  optimizer,
  randomBatch,
  randomLayers,
  shape,
} from '../../test/support/dense-reference.ts'
import { createTrainer, library } from '../../test/support/dense-trainers.ts'
import { DenseTrainer, type DenseTrainerOptions } from './dense-trainer.ts'
import type { LlamaLibrary } from './library.ts'
import { measureMatrixProduct } from './matrix-product-rate.ts'

describe('a training', () => {
  function run(trainer: DenseTrainer, steps: readonly number[]): void {
    for (const step of steps) {
      const batch = randomBatch(70, 32, mulberry32(step))
      trainer.accumulate(batch.states, 70, batch.gradientOf)
      trainer.step({ learningRate: 0.01, clip: 1 })
    }
  }
  const layers = randomLayers([32, 64, 16, 1], mulberry32(9))

  test('is the same to the last bit when it is repeated, on any number of threads', () => {
    const [first, ...others] = [1, 1, 2].map((threads) => {
      const trainer = createTrainer(layers, { threads, blockRows: 32 })
      run(trainer, [1, 2])
      return bits(trainer.weights())
    })
    for (const other of others) expect(other).toEqual(first)
  })

  test('goes on from its state to the same bits, whatever the trainer did before', () => {
    const unbroken = createTrainer(layers)
    run(unbroken, [1, 2])
    const state = unbroken.state()
    run(unbroken, [3, 4])
    const resumed = createTrainer(randomLayers([32, 64, 16, 1], mulberry32(10)))
    run(resumed, [7])
    resumed.accumulate(new Uint16Array(32), 1, constantGradient(1))
    resumed.restore(state)
    run(resumed, [3, 4])
    expect(bits(resumed.weights())).toEqual(bits(unbroken.weights()))
    expect(resumed.state().steps).toBe(4)
  })
})

describe('what C would not survive is refused', () => {
  const layers = randomLayers(shape, mulberry32(11))
  const states = new Uint16Array(4 * 6)
  const zero = constantGradient(0)

  test.each([
    ['too few values', (t: DenseTrainer) => t.forward(states, 5)],
    ['too many values', (t: DenseTrainer) => t.forward(states, 3)],
    ['half a row', (t: DenseTrainer) => t.forward(states, 3.5)],
    ['fewer rows than none', (t: DenseTrainer) => t.accumulate(states, -1, zero)],
    ['an unknown number of rows', (t: DenseTrainer) => t.accumulate(states, NaN, zero)],
    ['a gradient that is too short', (t: DenseTrainer) => t.accumulate(states, 4, () => new Float32Array(3))],
    ['a gradient that is too long', (t: DenseTrainer) => t.accumulate(states, 4, () => new Float32Array(5))],
    ['a learning rate that is none', (t: DenseTrainer) => t.step({ learningRate: NaN, clip: 1 })],
    ['clipping to nothing', (t: DenseTrainer) => t.step({ learningRate: 1, clip: 0 })],
    ['a state of other layers', (t: DenseTrainer) => t.restore({ ...t.state(), m: [] })],
    [
      'a state of other sizes',
      (t: DenseTrainer) => t.restore({ ...t.state(), v: t.weights().map(() => states) as never }),
    ],
    ['half a step', (t: DenseTrainer) => t.restore({ ...t.state(), steps: 0.5 })],
  ])('%s', (_, use) => {
    const trainer = createTrainer(layers)
    const before = trainer.state()
    expect(() => use(trainer)).toThrow(RangeError)
    expect(trainer.state()).toEqual(before)
  })

  test.each<[string, Partial<DenseTrainerOptions>]>([
    ['no layers', { layers: [] }],
    ['layers that do not fit together', { layers: [layers[0]!, layers[2]!] }],
    ['a layer without all its weights', { layers: [{ ...layers[0]!, weights: new Float32Array(3) }] }],
    ['no threads', { threads: 0 }],
    ['blocks of no rows', { blockRows: 0 }],
    ['a beta of 1', { optimizer: { ...optimizer, beta2: 1 } }],
    ['no epsilon', { optimizer: { ...optimizer, epsilon: 0 } }],
  ])('%s', (_, options) => {
    expect(() => createTrainer(layers, options)).toThrow(RangeError)
  })

  test('the trainer within its own gradient', () => {
    const trainer = createTrainer(layers)
    expect(() => {
      trainer.accumulate(states, 4, (outputs) => trainer.forward(states, outputs.length))
    }).toThrow('while it accumulates')
    expect(() => {
      trainer.accumulate(states, 4, (outputs) => {
        trainer.dispose()
        return outputs
      })
    }).toThrow('disposed')
  })

  test('a trainer that was disposed', () => {
    const trainer = createTrainer(layers)
    const state = trainer.state()
    trainer.dispose()
    trainer.dispose()
    const uses = [
      () => trainer.forward(states, 4),
      () => trainer.accumulate(states, 4, zero),
      () => trainer.step({ learningRate: 1, clip: 1 }),
      () => trainer.weights(),
      () => trainer.state(),
      () => trainer.restore(state),
    ]
    for (const use of uses) expect(use).toThrow('disposed')
  })
})

describe('disposing gives back', () => {
  const layers = randomLayers([256, 512, 128, 1], mulberry32(12))
  const states = new Uint16Array(40 * 256)
  const useOnce = (of: LlamaLibrary, options: Partial<DenseTrainerOptions> = {}) => {
    using trainer = DenseTrainer.create(of, { layers, threads: 1, optimizer, ...options })
    trainer.accumulate(states, 40, constantGradient(1))
    trainer.step({ learningRate: 0.01, clip: 1 })
  }

  /** The library, noting what it allocates and what of that is left. */
  function watched(): { library: LlamaLibrary; held: Set<string>; allocated: () => number } {
    const held = new Set<string>()
    let allocated = 0
    const c: Record<string, unknown> = { ...library.c }
    for (const [allocate, release] of [
      ['ggml_backend_dev_init', 'ggml_backend_free'],
      ['ggml_init', 'ggml_free'],
      ['ggml_backend_alloc_ctx_tensors', 'ggml_backend_buffer_free'],
      ['ggml_gallocr_new', 'ggml_gallocr_free'],
    ] as const) {
      const [make, free] = [library.c[allocate], library.c[release]] as ((...values: unknown[]) => bigint)[]
      c[allocate] = (...values: unknown[]) => {
        const pointer = make!(...values)
        held.add(`${allocate} ${pointer}`)
        allocated++
        return pointer
      }
      c[release] = (pointer: bigint) => {
        expect(held.delete(`${allocate} ${pointer}`)).toBe(true)
        free!(pointer)
      }
    }
    return { library: { ...library, c: c as unknown as LlamaLibrary['c'] }, held, allocated: () => allocated }
  }

  test('everything that was allocated, once', () => {
    const { library: of, held, allocated } = watched()
    useOnce(of, { blockRows: 32 })
    expect(allocated()).toBeGreaterThan(15)
    expect([...held]).toEqual([])
  })

  test('everything also if there is no trainer in the end', () => {
    const { library: of, held, allocated } = watched()
    expect(() => useOnce(of, { optimizer: { ...optimizer, beta1: 2 } })).toThrow(RangeError)
    expect(allocated()).toBeGreaterThan(4)
    expect([...held]).toEqual([])
  })
})

test('the rate of matrix products is what was computed in the time that it took', () => {
  let computed = 0
  const ggml_backend_graph_compute = (...graph: Parameters<typeof library.c.ggml_backend_graph_compute>) => {
    computed++
    return library.c.ggml_backend_graph_compute(...graph)
  }
  const counting = { ...library, c: { ...library.c, ggml_backend_graph_compute } }
  // A clock on which each graph takes 20 ms.
  const now = vi.spyOn(performance, 'now').mockImplementation(() => computed * 20)
  try {
    const { flopsPerSecond } = measureMatrixProduct(counting, { threads: 1, size: 32, seconds: 0.05 })
    // Three graphs after the one that does not count, of two products each.
    expect(computed).toBe(4)
    expect(flopsPerSecond).toBeCloseTo((3 * 2 * 2 * 32 ** 3) / 0.06)
  } finally {
    now.mockRestore()
  }
})
