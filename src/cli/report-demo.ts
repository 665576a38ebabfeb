/** Everything that a report shows, on the embedded model, from nothing: the same commands that a user would give, one after another. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { EngineError } from '../errors.ts'
import { shippedProblems } from '../evaluation/tasks/shipped-problems.ts'
import { shellWord } from './message-line.ts'

interface DemoStep {
  readonly what: string
  readonly args: readonly string[]
  /** What the report is made of; null: only later steps need it. */
  readonly shown: string | null
  /** Its output appears whole at its end, and is not made again. */
  readonly isWhole?: boolean
}

/** Of each step on two idle cores, in all less than 20 minutes. */
const counts = {
  table1: 32,
  ablation: 32,
  budget: 40,
  windowRatio: 24,
  facts: 60,
  traces: 80,
  pareto: 20,
  runs: 3,
  tokens: 2000,
}
/** What a training wants at least. */
const usualLeastTraces = 20
const controls = 'full,dynts,question-window,random'
const parts = `${controls},dynts-no-question,dynts-no-local,dynts-bottom`

/** @param limit the most questions of each step, for a quick look */
export function demoSteps(folder: string, limit = Infinity): DemoStep[] {
  const at = (name: string) => join(folder, name)
  const few = (name: keyof typeof counts) => String(Math.min(counts[name], limit))
  const tokens = String(Math.max(400, Math.min(counts.tokens, 100 * limit)))
  const traces = ['--traces', at('traces.jsonl'), '--model', 'tiny']
  const leastTraces = limit < usualLeastTraces ? ['--min-traces', few('traces')] : []
  const evaluation = (name: string, args: readonly string[]) => ({
    args: ['eval', ...args, '-o', at(name)],
    shown: at(name),
  })
  const file = (name: string, args: readonly string[]) => ({ args: [...args, '-o', at(name)], shown: at(name) })
  return [
    {
      what: 'all policies, accuracy and replay loss',
      ...evaluation('table1', ['--preset', 'table1', '--limit', few('table1'), '--metric', 'pass,replay-loss']),
    },
    {
      what: 'DynTS without one of its parts',
      ...evaluation('ablation', ['--preset', 'ablation', '--policy', parts, '--limit', few('ablation')]),
    },
    {
      what: 'accuracy by budget',
      ...evaluation('budget', ['--preset', 'budget', '--limit', few('budget'), '--budget', '224,288,352,416']),
    },
    {
      what: 'accuracy by local window and ratio',
      ...evaluation('window-ratio', [
        ...['--preset', 'window-ratio', '--policy', controls, '--limit', few('windowRatio')],
        ...['--local-window', '16,32,64', '--ratio', '0.2,0.5,0.8'],
      ]),
    },
    {
      what: 'facts stated once',
      ...evaluation('recall', [
        ...['--task', 'recall', '--policy', `${controls},dynts-diverse,h2o+question`, '--limit', few('facts')],
      ]),
    },
    {
      what: 'traces to train on',
      args: [
        ...['trace', '--model', 'tiny', '--questions', shippedProblems('train'), '--samples', '1'],
        ...['--limit', few('traces'), '-o', at('traces.jsonl')],
      ],
      shown: null,
    },
    { what: 'importance', ...file('importance', ['importance', ...traces]) },
    {
      what: 'words by importance',
      isWhole: true,
      ...file('words.json', ['analyze', 'words', at('importance'), ...traces]),
    },
    {
      what: 'answers from parts of the thinking',
      ...file('pareto.jsonl', [
        ...['analyze', 'pareto', at('importance'), ...traces, '--limit', few('pareto'), '--percent', '2,10,30,50'],
      ]),
    },
    {
      what: 'the cells that each policy keeps of a trace',
      isWhole: true,
      ...file('kept.json', ['analyze', 'kept', at('traces.jsonl'), '--model', 'tiny', '--budget', '224']),
    },
    {
      what: 'sequences while they grow',
      isWhole: true,
      ...file('live.json', ['analyze', 'live', '--sequences', '4', '--runs', few('runs'), '--tokens', tokens]),
    },
    {
      what: 'costs by the formulas',
      isWhole: true,
      ...file('cost.json', ['analyze', 'cost', '--budget', '320', '--local-window', '32', '--text', tokens]),
    },
    {
      what: 'a predictor',
      isWhole: true,
      args: ['train', '--importance', at('importance'), '--epochs', '12', ...leastTraces, '-o', at('predictor.gguf')],
      shown: at('predictor.metrics.json'),
    },
  ]
}

/**
 * @param folder what is computed; a second call goes on there
 * @param limit the most questions of each step; default: as many as take less than 20 minutes on two idle cores
 * @param program what is run in each step; default: this one
 * @returns the runs for a report
 * @throws EngineError `demo_failed` if a step fails or is interrupted
 */
export async function runDemo(folder: string, limit?: number, program = process.argv[1] ?? ''): Promise<string[]> {
  const steps = demoSteps(folder, limit)
  const time = limit === undefined ? ', less than 20 minutes on two idle cores' : ''
  process.stderr.write(`${steps.length} steps into ${folder}${time}. Ctrl-C stops; the same command goes on.\n`)
  const begin = performance.now()
  for (const [i, { what, args, shown, isWhole = false }] of steps.entries()) {
    const minutes = ((performance.now() - begin) / 60_000).toFixed(1)
    process.stderr.write(`\n${i + 1} of ${steps.length}, after ${minutes} min: ${what}\n`)
    if (isWhole && shown !== null && existsSync(shown)) {
      process.stderr.write(`${shown} is there already\n`)
      continue
    }
    process.stderr.write(`$ dynts ${args.map((word) => (word.startsWith('-') ? word : shellWord(word))).join(' ')}\n`)
    await runStep(program, args)
  }
  return steps.flatMap(({ shown }) => shown ?? [])
}

function runStep(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    // What it prints is for its own users; what it says meanwhile is shown.
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
    // Ctrl-C reaches it as well, and it ends in good order.
    const wait = (): void => undefined
    process.on('SIGINT', wait)
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      process.off('SIGINT', wait)
      if (code === 0) resolve()
      else
        reject(
          new EngineError(
            'demo_failed',
            `dynts ${args[0] ?? ''} has ended with ${signal ?? `exit code ${code}`}; the same command goes on from there.`,
          ),
        )
    })
  })
}
