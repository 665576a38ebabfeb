import { expect, test } from 'vitest'
import { commandTable } from './command-table.ts'
import { demoSteps } from './report-demo.ts'

const valueOf = (args: readonly string[], flag: string) => args[args.indexOf(flag) + 1] ?? ''
const outputOf = (args: readonly string[]) => valueOf(args, '-o')

test.each(demoSteps('work'))('$what: its command takes what it is given', async ({ args: [name, ...args] }) => {
  const entry = commandTable.find((one) => one.name === name)
  const command = await entry?.load()
  const nested = command?.commands.find((one) => one.name() === args[0])
  const { unknown } = (nested ?? command)?.exitOverride().parseOptions(nested ? args.slice(1) : args) ?? {}
  expect(unknown).toEqual([])
})

test('a step reads only what an earlier one has made, and each thing is made once', () => {
  const made = new Set<string>()
  for (const { args, shown } of demoSteps('work')) {
    const output = outputOf(args)
    const read = args.filter((word) => word.startsWith('work/') && word !== output)
    expect(read.filter((path) => !made.has(path))).toEqual([])
    expect(made).not.toContain(output)
    made.add(output)
    expect([null, output, output.replace('.gguf', '.metrics.json')]).toContain(shown)
  }
})

test('a quick look asks for so many questions in each step, and never for more than all of it does', () => {
  const countsOf = (limit?: number) =>
    demoSteps('work', limit).flatMap(({ args }) => (args.includes('--limit') ? [Number(valueOf(args, '--limit'))] : []))
  expect(new Set(countsOf(3))).toEqual(new Set([3]))
  expect(countsOf(1_000_000)).toEqual(countsOf())
  const training = (limit?: number) => demoSteps('work', limit).at(-1)?.args ?? []
  expect(valueOf(training(3), '--min-traces')).toBe('3')
  expect(training()).not.toContain('--min-traces')
})
