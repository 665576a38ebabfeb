/**
 * `npm run check:gpu`: whether a GPU computes what the CPU computes. The embedded model's answers are replayed on both, under every
 * policy, each in a process of its own; a GPU rounds otherwise, so log-probabilities are compared within a tolerance, and scores that nearly tie may be ranked
 * otherwise. `npm run check:gpu -- cuda` asks for one back end; `off` compares the CPU with itself.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { gpuChoices } from '../../src/llama/index.ts'
import { bound, cases } from './cases.ts'
import type { BackendJob, BackendOutput, Replay } from './run-backend.ts'

/** Of log-probabilities, in nats: the largest mean difference. */
const tolerance = 0.02
/** The smallest share of kept positions that both keep. */
const leastAgreement = 0.95

/** A process of its own: undefined if it was ended, such as by an assertion of llama.cpp, which is said. */
function runOn(job: BackendJob): BackendOutput | undefined {
  const file = fileURLToPath(new URL('run-backend.js', import.meta.url))
  const options = { encoding: 'utf8' as const, maxBuffer: 2 ** 30 }
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [file, JSON.stringify(job)], options)
  if (status === 0) return JSON.parse(stdout) as BackendOutput
  const lines = stderr.split('\n').filter((line) => line.trim() !== '')
  const [reason = ''] = lines.filter((line) => /error/i.test(line))
  process.stderr.write(`the process on ${job.gpu} was ended by ${signal ?? `code ${status}`} ${reason}\n`)
  return undefined
}

interface Comparison {
  readonly meanDifference: number
  readonly largestDifference: number
  readonly evictions: number
  readonly agreement: number
  readonly withinBudget: boolean
}

function compare(cpu: readonly Replay[], gpu: readonly Replay[], isBounded: boolean): Comparison {
  const differences = cpu.flatMap((one, i) =>
    one.logprobs.map((logprob, j) => Math.abs(logprob - (gpu[i]?.logprobs[j] ?? NaN))),
  )
  let kept = 0
  let same = 0
  for (const [i, one] of cpu.entries()) {
    for (const [j, positions] of one.kept.entries()) {
      const others = new Set(gpu[i]?.kept[j])
      kept += positions.length
      same += positions.filter((position) => others.has(position)).length
    }
  }
  return {
    meanDifference: differences.reduce((sum, value) => sum + value, 0) / differences.length,
    largestDifference: differences.reduce((most, value) => Math.max(most, value), 0),
    evictions: gpu.reduce((sum, one) => sum + one.kept.length, 0),
    agreement: kept === 0 ? 1 : same / kept,
    withinBudget: !isBounded || gpu.every(({ peakCells }) => peakCells <= bound.budget),
  }
}

function main(asked: string): number {
  const gpu = gpuChoices.find((choice) => choice === asked)
  if (gpu === undefined) {
    process.stderr.write(`the back end is one of ${gpuChoices.join(', ')}\n`)
    return 2
  }
  const cpu = runOn({ gpu: 'off' })
  if (!cpu) return 1
  let failed = 0
  for (const { name } of cases) {
    const other = runOn({ gpu, only: [name], answers: cpu.answers })
    if (gpu === 'auto' && other?.backend === 'cpu') {
      process.stderr.write('There is no GPU here, or no package for it (npm install @node-llama-cpp/linux-x64-cuda).\n')
      return 2
    }
    const [replays = [], replayed = `there is no result`] = [cpu.cases[name], other?.cases[name]]
    if (typeof replays === 'string' || typeof replayed === 'string') {
      failed++
      process.stdout.write(`FAILED  ${name}: cpu: ${errorOf(replays)}; ${gpu}: ${errorOf(replayed)}\n`)
      continue
    }
    const result = compare(replays, replayed, !name.startsWith('full'))
    const right = result.meanDifference <= tolerance && result.agreement >= leastAgreement && result.withinBudget
    if (!right) failed++
    process.stdout.write(
      `${right ? 'ok    ' : 'FAILED'}  ${name}: log-probabilities differ by ${result.meanDifference.toExponential(1)} ` +
        `(at most ${result.largestDifference.toExponential(1)}); ${result.evictions} evictions, ` +
        `${(100 * result.agreement).toFixed(2)} % of what is kept is the same${result.withinBudget ? '' : '; ABOVE ITS BUDGET'}\n`,
    )
  }
  return failed > 0 ? 1 : 0
}

const errorOf = (result: readonly Replay[] | string) => (typeof result === 'string' ? result : 'fine')

process.exitCode = main(process.argv[2] ?? 'auto')
