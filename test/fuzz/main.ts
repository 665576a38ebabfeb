/**
 * `npm run fuzz -- --kind gguf --count N --seed S`: broken models, each by `dynts run`. `--case I` does one of them again, and keeps its files.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fuzzedModel, isFault, removeFuzzed, tryModelFile, writeFuzzed, type Outcome } from './fuzzed-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-fuzz-'))

async function main(): Promise<number> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ options: { kind: text, count: text, seed: text, case: text } })
  if (values.kind !== undefined && values.kind !== 'gguf') throw new Error('--kind is gguf')
  const seed = Number(values.seed ?? 1)
  const only = values.case === undefined ? undefined : Number(values.case)
  const count = only === undefined ? Number(values.count ?? 100) : only + 1
  const outcomes = new Map<Outcome, number>()
  let next = only ?? 0
  // What was tried so far is told.
  process.on('SIGINT', () => (next = count))
  const work = async () => {
    while (next < count) {
      const index = next++
      const fuzzed = fuzzedModel(seed, index)
      const paths = writeFuzzed(folder, fuzzed)
      const { outcome, said } = await tryModelFile(paths[0] ?? '', index, folder)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      if (isFault(outcome) || only !== undefined) {
        const { base, done } = fuzzed
        process.stdout.write(`${outcome}, case ${index}: ${base}, ${done.join(', ')}: ${said.slice(0, 300)}\n`)
      }
      if (only === undefined) removeFuzzed(paths)
      else process.stdout.write(`${paths.join('\n')}\n`)
      if (index % 100 === 99) process.stderr.write(`${index + 1} of ${count}\n`)
    }
  }
  await Promise.all([work(), work()])
  process.stdout.write(`seed ${seed}: ${[...outcomes].map(([name, of]) => `${of} ${name}`).join(', ')}\n`)
  if (only === undefined) rmSync(folder, { recursive: true })
  return [...outcomes.keys()].some(isFault) ? 1 : 0
}

process.exitCode = await main()
