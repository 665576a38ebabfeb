import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { parseReference } from '../../models/reference.ts'
import { commandTable } from '../command-table.ts'
import { modelTitle } from './model-option.ts'

/** In these the model is something beside what the command is about. */
const about: Readonly<Record<string, unknown>> = {
  inspect: undefined,
  'predictor import': undefined,
  train: undefined,
  worker: undefined,
  // Of a shape, if that is given.
  'analyze cost': undefined,
}

test('every command that runs a model takes the embedded one by default', async () => {
  const visit = (command: Command, path: string): [string, unknown][] => [
    ...command.options
      .filter(({ long }) => long === '--model')
      .map(({ defaultValue }): [string, unknown] => [path, defaultValue]),
    ...command.commands.flatMap((one) => visit(one, `${path} ${one.name()}`)),
  ]
  const loaded = await Promise.all(commandTable.map(async ({ name, load }) => visit(await load(), name)))
  const found = loaded.flat()
  expect(found.length).toBeGreaterThan(10)
  for (const [path, value] of found) expect([path, value]).toEqual([path, path in about ? about[path] : 'tiny'])
})

test('the embedded model is called that', () => {
  const embedded = parseReference('tiny')
  if (embedded.kind !== 'embedded') throw new Error('it is not')
  const model = { name: 'A', architecture: 'qwen2', quantization: 'F16' }
  expect(modelTitle({ ...model, path: embedded.path })).toBe('A (qwen2, F16), the embedded model')
  expect(modelTitle({ ...model, path: '/elsewhere.gguf' })).toBe('A (qwen2, F16)')
})
