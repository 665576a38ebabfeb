import { expect, test } from 'vitest'
import { NativeHandle } from './handle.ts'

/** Notes when it is freed. */
class Thing extends NativeHandle {
  readonly name: string
  readonly #freed: string[]

  constructor(name: string, freed: string[], owner?: NativeHandle) {
    super(1n, owner)
    this.name = name
    this.#freed = freed
  }

  protected override free(): void {
    this.#freed.push(this.name)
  }
}

test('what depends on an object is freed before it, the newest first, and everything once', () => {
  const freed: string[] = []
  const model = new Thing('model', freed)
  const context = new Thing('context', freed, model)
  new Thing('sampler', freed, context)
  new Thing('another', freed, model)
  model.dispose()
  model.dispose()
  context.dispose()
  expect(freed).toEqual(['another', 'sampler', 'context', 'model'])
})

test('what has been disposed by itself is not freed again with its owner', () => {
  const freed: string[] = []
  const model = new Thing('model', freed)
  const context = new Thing('context', freed, model)
  context.dispose()
  expect(context.disposed).toBe(true)
  expect(model.disposed).toBe(false)
  model.dispose()
  expect(freed).toEqual(['context', 'model'])
})

test('using it after disposal throws and names it', () => {
  const freed: string[] = []
  const model = new Thing('model', freed)
  expect(model.pointer).toBe(1n)
  model.dispose()
  expect(() => model.pointer).toThrow('Thing was used after it was disposed')
})

test('a block that uses it disposes it', () => {
  const freed: string[] = []
  {
    using thing = new Thing('thing', freed)
    expect(thing.disposed).toBe(false)
  }
  expect(freed).toEqual(['thing'])
})

test('nothing can be made of an owner that has been disposed', () => {
  const freed: string[] = []
  const model = new Thing('model', freed)
  model.dispose()
  expect(() => new Thing('context', freed, model)).toThrow('disposed')
})
