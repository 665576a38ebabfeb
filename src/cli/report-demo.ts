/** Everything that a report shows, on the embedded model, from nothing: the same commands that a user would give, one after another. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { EngineError } from '../errors.ts'
import { shippedProblems } from '../evaluation/tasks/shipped-problems.ts'

interface DemoStep {
  readonly what: string
  readonly args: readonly string[]
}

/** Sized for 20 minutes on two cores; each goes on where it was killed. */
function demoSteps(folder: string): DemoStep[] {
  const at = (name: string) => join(folder, name)
  return [
    {
      what: 'all policies, accuracy and replay loss',
      args: ['eval', '--preset', 'table1', '--limit', '40', '--metric', 'pass,replay-loss', '-o', at('table1')],
    },
    {
      what: 'accuracy by budget',
      args: ['eval', '--preset', 'budget', '--limit', '40', '--budget', '224,288,352,416', '-o', at('budget')],
    },
    {
      what: 'accuracy by local window and ratio',
      args: [
        ...['eval', '--preset', 'window-ratio', '--policy', 'full,dynts,question-window,random'],
        ...['--local-window', '16,32,64', '--ratio', '0.2,0.5,0.8', '--limit', '24', '-o', at('window-ratio')],
      ],
    },
    {
      what: 'traces to train on',
      args: [
        ...['trace', '--model', 'tiny', '--questions', shippedProblems('train'), '--limit', '80', '--samples', '1'],
        ...['-o', at('traces.jsonl')],
      ],
    },
    {
      what: 'importance',
      args: ['importance', '--model', 'tiny', '--traces', at('traces.jsonl'), '-o', at('importance')],
    },
    {
      what: 'words by importance',
      args: [
        ...['analyze', 'words', at('importance'), '--traces', at('traces.jsonl'), '--model', 'tiny'],
        ...['-o', at('words.json')],
      ],
    },
    {
      what: 'answers from parts of the thinking',
      args: [
        ...['analyze', 'pareto', at('importance'), '--traces', at('traces.jsonl'), '--model', 'tiny'],
        ...['--limit', '20', '--percent', '2,10,30,50', '-o', at('pareto.jsonl')],
      ],
    },
    {
      what: 'sequences while they grow',
      args: ['analyze', 'live', '--sequences', '4', '--runs', '3', '--tokens', '2000', '-o', at('live.json')],
    },
    {
      what: 'a predictor',
      args: ['train', '--importance', at('importance'), '--epochs', '12', '-o', at('predictor.gguf')],
    },
  ]
}

/**
 * @param folder what is computed; a second call goes on there
 * @returns the runs for a report
 * @throws EngineError `demo_failed` if a step fails or is interrupted
 */
export async function runDemo(folder: string): Promise<string[]> {
  const steps = demoSteps(folder)
  for (const [i, { what, args }] of steps.entries()) {
    process.stderr.write(`\n${i + 1} of ${steps.length}: ${what}\n$ dynts ${args.join(' ')}\n`)
    await runStep(args)
  }
  const analyses = ['importance', 'words.json', 'pareto.jsonl', 'live.json']
  return ['table1', 'budget', 'window-ratio', ...analyses, 'predictor.metrics.json'].map((name) => join(folder, name))
}

function runStep(args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    // What it prints is for its own users; what it says meanwhile is shown.
    const child = spawn(process.execPath, [process.argv[1] ?? '', ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
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
