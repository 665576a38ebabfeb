/**
 * `dynts predictor evaluate`: how well a predictor does on traces with measured importance. Loads no model.
 */
import { Command } from 'commander'
import { defaultThreads, loadLibrary, type GpuChoice } from '../../llama/index.ts'
import { readCheckpoint, type HeldOutFigures } from '../../predictor/index.ts'
import { percent } from '../../percent.ts'
import { ImportanceStore } from '../../traces/importance-store.ts'
import { questionsOf } from '../../training/dataset.ts'
import { evaluatePredictor } from '../../training/evaluate-predictor.ts'
import { onInterrupt, untilInterrupted } from '../interrupt.ts'
import { addComputeOptions, checkDeviceFlags } from '../options/machine-options.ts'
import { packageVersion } from '../package-version.ts'
import { ProgressLine } from '../output/progress-line.ts'
import { formatTable } from '../output/table.ts'
import { toStderr, writeResult } from '../output/write.ts'

interface EvaluateFlags {
  readonly importance: string
  readonly threads?: number
  readonly gpu: GpuChoice
  readonly json?: boolean
}

export function predictorEvaluateCommand(): Command {
  const command = new Command('evaluate')
    .description('Compare a predictor’s scores with measured importance')
    .argument('<file>', 'a predictor')
    .requiredOption('--importance <folder>', 'what dynts importance wrote, of traces that it was not trained on')
  return addComputeOptions(command)
    .option('--json', 'print JSON')
    .action((file: string, flags: EvaluateFlags) => evaluate(file, flags))
}

async function evaluate(file: string, flags: EvaluateFlags): Promise<void> {
  checkDeviceFlags(flags)
  using signal = onInterrupt()
  const checkpoint = await readCheckpoint(file)
  using store = ImportanceStore.open(flags.importance)
  const { records } = store
  const library = loadLibrary(flags.gpu)
  const threads = flags.threads ?? defaultThreads(Infinity)
  const evaluation = await untilInterrupted(signal, async () => {
    using progress = new ProgressLine(process.stderr, 'traces')
    const onTrace = (done: number) => progress.update(done, records.length)
    onTrace(0)
    const gpu = library.backend !== 'cpu'
    return await evaluatePredictor(checkpoint, store, { library, gpu, threads, signal, onTrace })
  })
  if (!evaluation) return void toStderr('Interrupted.')
  const { figures } = evaluation
  const { target, model } = checkpoint
  const record = {
    schema: 'dynts.predictor.evaluation/1',
    predictor: file,
    target,
    model,
    importance: flags.importance,
    questions: questionsOf(records).size,
    tokens: records.reduce((sum, { storedTokens }) => sum + storedTokens, 0),
    figures,
    settings: { threads, backend: library.backend },
    versions: { dynts: packageVersion(), llamaCpp: library.release },
  }
  writeResult(flags, record, tableOf(figures))
}

function tableOf({ traces, mse, kendallTau, overlap }: HeldOutFigures): string {
  return formatTable([
    ['traces', String(traces)],
    ['mean squared error', mse.toPrecision(3)],
    // Traces of a few tokens have no such figures.
    ['Kendall’s tau', Number.isNaN(kendallTau) ? '-' : kendallTau.toFixed(3)],
    ...Object.entries(overlap).map(([p, share]) => [`true top 20 % in predicted top ${p} %`, percent(share)]),
  ])
}
