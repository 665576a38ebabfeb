import { expect, test } from 'vitest'
import type { LocatedModel } from '../../engine/locate-model.ts'
import { qwen7b as info } from '../../server/capacity.fake.ts'
import { needOf, usableShare } from '../../server/capacity.ts'
import { checkMemory, freeMemory, promptCacheSize } from './serve-memory.ts'
import type { ServeFlags } from './serve-options.ts'

const located = { info } as unknown as LocatedModel
const capacity = { slots: 8, cells: 4096, kvType: 'f16', promptBytes: 0 } as const

test('--prompt-cache: bytes, none, or half a GiB', () => {
  const of = (promptCache?: string) => promptCacheSize({ ...(promptCache && { promptCache }) } as ServeFlags)
  expect([of('2MiB'), of('0'), of()]).toEqual([2 * 2 ** 20, 0, 512 * 2 ** 20])
  expect(() => of('lots')).toThrow('--prompt-cache takes a size')
})

test('--memory says what there is; else the machine does, and of a GPU nobody', () => {
  expect(freeMemory({ memory: '2GB', gpu: 'cuda' })).toEqual({ bytes: 2e9, isGiven: true })
  expect(freeMemory({ gpu: 'auto' })).toMatchObject({ isGiven: false })
  expect(freeMemory({ gpu: 'cuda' })).toBeUndefined()
})

test('what does not fit is refused, naming what fits', () => {
  const { bytes } = needOf(located.info, capacity)
  expect(() => checkMemory(located, capacity, bytes / usableShare + 1)).not.toThrow()
  const free = bytes / usableShare - 1
  let message = ''
  try {
    checkMemory(located, capacity, free)
  } catch (error) {
    message = (error as Error).message
  }
  const [, slots = '', cells = ''] =
    /--parallel (\d+) or --budget (\d+) fits; --force starts it anyway$/.exec(message) ?? []
  expect([Number(slots), Number(cells)]).toEqual([7, expect.any(Number)])
  for (const fitting of [{ slots: Number(slots) }, { cells: Number(cells) }]) {
    expect(() => checkMemory(located, { ...capacity, ...fitting }, free)).not.toThrow()
  }
  expect(() => checkMemory(located, { ...capacity, cells: Number(cells) + 256 }, free)).toThrow()
  expect(() => checkMemory(located, capacity, 1e9)).toThrow('a smaller model may fit')
})
