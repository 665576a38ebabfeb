/** The fuzzer of model files, on a few; and what it is made of. */
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { InputError } from '../../src/errors.ts'
import { packageOf } from '../../src/llama/library.ts'
import { inspectGguf } from '../../src/models/gguf-file.ts'
import { scratch } from '../support/scratch.ts'
import { architectures } from './architectures.ts'
import { fuzzedModel, isFault, tryModelFile, writeFuzzed } from './fuzzed-file.ts'

test('a few broken models: each is run, or refused in one line', async () => {
  const unread: { path: string; index: number }[] = []
  for (let index = 0; index < 60; index++) {
    const [path = ''] = writeFuzzed(scratch, fuzzedModel(7, index))
    const error = await inspectGguf(path).then(
      () => undefined,
      (error: unknown) => error,
    )
    if (error === undefined) unread.push({ path, index })
    else expect(error).toBeInstanceOf(InputError)
  }
  // What the header does not tell, a process must survive.
  expect(unread.length).toBeGreaterThan(5)
  await Promise.all(
    unread.slice(0, 6).map(async ({ path, index }) => {
      const { outcome, said } = await tryModelFile(path, index, scratch)
      expect.soft(isFault(outcome), `case ${index}: ${outcome}: ${said}`).toBe(false)
    }),
  )
})

test('all architectures of the installed library are among those that models are renamed to', () => {
  const bins = join(dirname(createRequire(import.meta.url).resolve(packageOf('cpu') ?? '')), '..', 'bins')
  const [folder = ''] = readdirSync(bins)
  const library = readdirSync(join(bins, folder)).find((file) =>
    /^(lib)?llama(\.v[0-9.]+)?\.(so|dylib|dll)$/.test(file),
  )
  const bytes = readFileSync(join(bins, folder, library ?? '')).toString('latin1')
  // The table of names, without those that the linker took from the end of longer ones.
  const [table = ''] = /\0clip\0[^]*?\0\(unknown\)\0/.exec(bytes) ?? []
  const names = table.split('\0').filter((name) => name !== '' && name !== '(unknown)')
  expect(names.length).toBeGreaterThan(140)
  expect(names.filter((name) => !architectures.includes(name))).toEqual([])
})
