import { Command } from 'commander'
import { expect, test } from 'vitest'
import { commandsFor, commandTable } from './command-table.ts'

test.each(commandTable)('$name is loaded under its name, and says what it does', async ({ name, description }) => {
  const command = (await commandsFor([name])).find((one) => one.name() === name) ?? new Command()
  expect(command.options.length + command.commands.length).toBeGreaterThan(0)
  expect(command.description()).toBe(description)
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
