import { expect, test } from 'vitest'
import { commandsFor, commandTable } from './command-table.ts'

test.each(commandTable)('$name says the same of itself in its own file', async ({ name, description, load }) => {
  const command = await load()
  expect([command.name(), command.description()]).toEqual([name, description])
})

test('only the command that is named has its options', async () => {
  const loaded = async (...words: string[]) =>
    (await commandsFor(words))
      .filter(({ options, commands }) => options.length + commands.length > 0)
      .map((c) => c.name())
  expect(await loaded()).toEqual([])
  expect(await loaded('--help')).toEqual([])
  expect(await loaded('rum', 'the race')).toEqual([])
  expect(await loaded('run', 'models')).toEqual(['run'])
  expect(await loaded('help', 'models')).toEqual(['models'])
  expect((await commandsFor(['models'])).map((command) => command.name())).toEqual(commandTable.map(({ name }) => name))
})
