import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { scratch } from '../../test/support/scratch.ts'
import { commandTable } from './command-table.ts'
import { demoSteps, runDemo } from './report-demo.ts'

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

describe('all of its steps, run by a program that writes what it was asked for', () => {
  const log = join(scratch, 'log.jsonl')
  const broken = join(scratch, 'broken')
  const program = join(scratch, 'program.mjs')
  writeFileSync(
    program,
    `import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
    const args = process.argv.slice(2)
    const output = args[args.indexOf('-o') + 1]
    appendFileSync(${JSON.stringify(log)}, JSON.stringify(args) + '\\n')
    if (existsSync(${JSON.stringify(broken)}) && output.endsWith(readFileSync(${JSON.stringify(broken)}, 'utf8'))) process.exit(3)
    writeFileSync(output.replace('.gguf', '.metrics.json'), '')`,
  )
  const steps = demoSteps(scratch, 2)
  /** Outputs of the steps that were run since the last call. */
  const run = () => {
    const lines = readFileSync(log, 'utf8').trim().split('\n')
    rmSync(log)
    return lines.map((line) => outputOf(JSON.parse(line) as string[]))
  }
  const outputs = (some: typeof steps) => some.map(({ args }) => outputOf(args))

  test('one after another; a failed one ends it, the same call goes on, and what is whole is not made again', async () => {
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    onTestFinished(() => said.mockRestore())
    writeFileSync(broken, 'live.json')
    const failedAt = steps.findIndex(({ args }) => outputOf(args).endsWith('live.json'))
    await expect(runDemo(scratch, 2, program)).rejects.toMatchObject({
      code: 'demo_failed',
      message: 'dynts analyze has ended with exit code 3; the same command goes on from there.',
    })
    expect(run()).toEqual(outputs(steps.slice(0, failedAt + 1)))
    rmSync(broken)
    expect(await runDemo(scratch, 2, program)).toEqual(steps.flatMap(({ shown }) => shown ?? []))
    // The others go on by themselves, and are asked each time.
    expect(run()).toEqual(outputs(steps.filter(({ isWhole = false }, i) => !isWhole || i >= failedAt)))
    expect(said).toHaveBeenCalledWith(`${join(scratch, 'words.json')} is there already\n`)
    expect(steps.every(({ shown }) => shown === null || existsSync(shown))).toBe(true)
  })
})
