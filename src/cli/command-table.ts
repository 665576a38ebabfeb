/**
 * The commands by name. The file of a command is loaded when that command is asked for: all of them with what they import take
 * half a second of processor time.
 */
import { Command } from 'commander'

interface CommandEntry {
  readonly name: string
  readonly description: string
  /** All but the description. */
  readonly load: () => Promise<Command>
}

export const commandTable: readonly CommandEntry[] = [
  {
    name: 'run',
    description: 'Answer a question, thinking under a bounded KV cache',
    load: async () => (await import('./commands/run.ts')).runCommand(),
  },
  {
    name: 'chat',
    description: 'Talk with a model at the terminal, thinking under a bounded KV cache',
    load: async () => (await import('./commands/chat.ts')).chatCommand(),
  },
  {
    name: 'serve',
    description: 'Serve a model to OpenAI clients, each answer under a bounded cache',
    load: async () => (await import('./commands/serve.ts')).serveCommand(),
  },
  {
    name: 'plan',
    description: 'How many answers at a time fit into the memory, under which budget',
    load: async () => (await import('./commands/plan.ts')).planCommand(),
  },
  {
    name: 'models',
    description: 'List, download and remove models',
    load: async () => (await import('./commands/models.ts')).modelsCommand(),
  },
  {
    name: 'inspect',
    description: 'What a GGUF model or predictor is, and whether they fit together',
    load: async () => (await import('./commands/inspect.ts')).inspectCommand(),
  },
  {
    name: 'predictor',
    description: 'Importance predictors',
    load: async () => (await import('./commands/predictor.ts')).predictorCommand(),
  },
  {
    name: 'trace',
    description: 'Sample reasoning traces to train an importance predictor on',
    load: async () => (await import('./commands/trace.ts')).traceCommand(),
  },
  {
    name: 'importance',
    description: 'Measure the importance of every thinking token of sampled traces',
    load: async () => (await import('./commands/importance.ts')).importanceCommand(),
  },
  {
    name: 'train',
    description: 'Train an importance predictor on measured importance',
    load: async () => (await import('./commands/train.ts')).trainCommand(),
  },
  {
    name: 'fit',
    description: 'Make a predictor for a model: trace, importance and train in one',
    load: async () => (await import('./commands/fit.ts')).fitCommand(),
  },
  {
    name: 'calibrate',
    description: 'Measure a model’s mean queries, once, for --policy tri',
    load: async () => (await import('./commands/calibrate.ts')).calibrateCommand(),
  },
  {
    name: 'eval',
    description: 'Measure policies on tasks: accuracy, cost, replay loss',
    load: async () => (await import('./commands/eval.ts')).evalCommand(),
  },
  {
    name: 'analyze',
    description:
      'The paper’s analyses: costs, importance of tokens, words, parts of the thinking, kept cells, live runs',
    load: async () => (await import('./commands/analyze.ts')).analyzeCommand(),
  },
  {
    name: 'report',
    description: 'Figures of evaluations, importance, trainings and analyses, as one HTML file',
    load: async () => (await import('./commands/report.ts')).reportCommand(),
  },
  {
    name: 'worker',
    description: 'Carry out the jobs of dynts eval, trace and analyze pareto with --queue',
    load: async () => (await import('./commands/worker.ts')).workerCommand(),
  },
]

/**
 * The command that the words of a command line name, loaded, among the others, which have a name and a description only.
 * @param words what follows `dynts`, e.g. `['help', 'run']`
 */
export async function commandsFor(words: readonly string[]): Promise<Command[]> {
  const asked = words.find((word) => commandTable.some(({ name }) => name === word))
  return await Promise.all(
    commandTable.map(async ({ name, description, load }) =>
      (name === asked ? await load() : new Command(name)).description(description),
    ),
  )
}
