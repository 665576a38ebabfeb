/**
 * What the documentation lists is what the registries have: policies, their options, tasks and presets.
 */
import { readFileSync } from 'node:fs'
import { Command, type Option } from 'commander'
import { expect, test } from 'vitest'
import * as library from '../src/index.ts'
import { findPreset, presetNames } from '../src/evaluation/presets/presets.ts'
import { taskNames } from '../src/evaluation/tasks/registry.ts'
import { policyNames } from '../src/eviction/registry.ts'
import { figures } from '../src/report/registry.ts'
import { endpoints } from '../src/server/endpoints.ts'
import { isSwitch, variableOf } from '../src/cli/serve/serve-environment.ts'
import { addServeOptions } from '../src/cli/serve/serve-options.ts'

const page = (name: string) => readFileSync(new URL(`../docs/${name}`, import.meta.url), 'utf8')

test.each([
  ['policies', 'fidelity.md', policyNames()],
  ['tasks', 'evaluation-tasks.md', taskNames],
  ['presets', 'evaluation-tasks.md', presetNames],
] as const)('all %s are in docs/%s', (_what, file, names) => {
  const text = page(file)
  expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([])
})

/** The cells of the table whose first heading is `heading`. */
function rowsOf(file: string, heading: string): string[][] {
  const lines = page(file).split('\n')
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} `))
  const end = lines.findIndex((line, i) => i > start && !line.startsWith('|'))
  return lines.slice(start + 2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

/** Names in a column of such a table. */
function listed(file: string, heading: string, column = 0): string[] {
  return rowsOf(file, heading).flatMap((cells) =>
    [...(cells[column] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  )
}

test('the table of tasks has no others', () => {
  expect(listed('evaluation-tasks.md', 'task')).toEqual(taskNames)
})

test('the table of presets has no others', () => {
  expect(listed('evaluation-tasks.md', 'preset').sort()).toEqual([...presetNames].sort())
})

test('policies of presets', () => {
  const rows = page('evaluation-tasks.md')
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
  for (const name of presetNames) {
    const [, , policies = ''] = rows.find(([, first]) => first === `\`${name}\``) ?? []
    // `a`, `b`; `c`, each also `+question`
    const told = policies.split(';').flatMap((part) => {
      const names = [...part.matchAll(/`([^`+]+)`/g)].map(([, policy = '']) => policy)
      return part.includes('each also `+question`') ? names.flatMap((one) => [one, `${one}+question`]) : names
    })
    expect(told, name).toEqual(findPreset(name).policies)
  }
})

test('policies that are not compared with the oracle', () => {
  const replays = JSON.parse(readFileSync(new URL('fixtures/oracle/replay.json', import.meta.url), 'utf8')) as {
    policy: string
  }[]
  const [, told = ''] = /That code does not have ([^:]+):/.exec(page('fidelity.md')) ?? []
  const missing = policyNames().filter((name) => !replays.some(({ policy }) => policy === name))
  expect([...told.matchAll(/`([^`]+)`/g)].map(([, name]) => name)).toEqual(missing)
})

test('the table of endpoints has all of them, and no others', () => {
  const paths = endpoints.map(({ method, path }) => `${method} ${path}`)
  expect(listed('server.md', 'method and path').sort()).toEqual(paths.sort())
})

/** As the command says it; undefined: it leaves that to others. */
function defaultOf(option: Option): string | undefined {
  const { description } = option
  const defaultValue = option.defaultValue as string | number | readonly string[] | undefined
  if (isSwitch(option)) return 'off'
  return defaultValue === undefined ? /default: ([^()]*)\)$/.exec(description)?.[1] : String(defaultValue)
}

test('the table of the options of serve has all of them in their order, with their defaults and variables', () => {
  const rows = rowsOf('server.md', 'option')
  const { options } = addServeOptions(new Command())
  const told = rows.map(([names, , variable]) => [names, variable])
  expect(told).toEqual(
    options.map((option) => [
      [option.long, option.short].flatMap((name) => (name ? [`\`${name}\``] : [])).join(', '),
      `\`${variableOf(option)}\``,
    ]),
  )
  for (const [i, option] of options.entries()) {
    const [, stated = '', , meaning = ''] = rows[i] ?? []
    expect(stated.replaceAll('`', ''), option.long).toEqual(defaultOf(option) ?? expect.stringMatching(/./))
    expect(meaning, option.long).not.toBe('')
  }
})

test('the table of figures has all of them, and no others', () => {
  expect(listed('report.md', 'figure')).toEqual(figures.map(({ name }) => name))
})

test('the table of the library has all that can be called, and nothing else', () => {
  expect(listed('library.md', 'for', 1).sort()).toEqual(Object.keys(library).sort())
})

test('what CI runs is in CONTRIBUTING, in its order', () => {
  const script = readFileSync(new URL('../.ci/run', import.meta.url), 'utf8').replaceAll(/^ *#.*$/gm, '')
  const commands = script.match(/npm (ci|start|run [\w:]+( -- [-\w ]*[\w])?)|test\/soak\/\w+\.ts/g) ?? []
  expect(commands.length).toBeGreaterThan(9)
  const told = readFileSync(new URL('../CONTRIBUTING.md', import.meta.url), 'utf8').split('## CI')[1] ?? ''
  const places = commands.map((command) => ({ command, at: told.indexOf(`\`${command}\``) }))
  expect(places.filter(({ at }) => at < 0)).toEqual([])
  expect(places).toEqual(places.toSorted((a, b) => a.at - b.at))
})
