/**
 * What a person sees of a training: the plan, how far it is, a line for each epoch, and at the end its figures beside the
 * paper's.
 */
import { percent } from '../../percent.ts'
import type { ThroughputFigures } from '../../training/throughput.ts'
import type { TrainingSettings } from '../../training/settings.ts'
import type { TrainingPlan, TrainingResult } from '../../training/train-predictor.ts'
import type { EpochEntry } from '../../training/training-state.ts'
import { count, counted } from '../output/counted.ts'
import { FirstEstimate } from './first-estimate.ts'
import { ProgressLine } from '../output/progress-line.ts'
import { formatTable } from '../output/table.ts'

export class TrainView {
  readonly #settings: TrainingSettings
  readonly #progress: ProgressLine
  readonly #estimate = new FirstEstimate('step')
  #plan: TrainingPlan | undefined
  #firstStep: number | undefined

  constructor(stream: NodeJS.WriteStream, settings: TrainingSettings) {
    this.#settings = settings
    this.#progress = new ProgressLine(stream, 'traces')
  }

  plan(plan: TrainingPlan): void {
    this.#plan = plan
    for (const line of planLines(plan, this.#settings)) this.#progress.say(line)
  }

  /** Traces trained on, of those of all epochs. */
  progress(traces: number, total: number, step: number): void {
    const { steps = 0, stepsPerEpoch = 1 } = this.#plan ?? {}
    const epoch = Math.floor(step / stepsPerEpoch) + 1
    this.#firstStep ??= step
    const line = this.#estimate.at(traces, total, step > this.#firstStep)
    if (line !== undefined) this.#progress.say(line)
    this.#progress.update(traces, total, `epoch ${epoch} of ${this.#settings.epochs}, step ${step + 1} of ${steps}`)
  }

  epoch({ epoch, trainingMse, heldOut }: EpochEntry): void {
    const { epochs } = this.#settings
    const when = epoch === 0 ? 'before training' : `epoch ${String(epoch).padStart(String(epochs).length)} of ${epochs}`
    const loss = trainingMse === null ? '' : `loss ${real(trainingMse)}, `
    this.#progress.say(
      `${when}: ${loss}held out: MSE ${real(heldOut.mse)}, tau ${heldOut.kendallTau.toFixed(3)}, ` +
        `top 20 % in predicted top 30 %: ${percent(heldOut.overlap['30'])}`,
    )
  }

  stop(): void {
    this.#progress.stop()
  }
}

function planLines(plan: TrainingPlan, settings: TrainingSettings): string[] {
  const { split, shape, steps, batch, shrunk, resumedAt } = plan
  const { training, heldOut, trainingQuestions, heldOutQuestions } = split
  const lines = [
    `${counted(training.length, 'trace')} of ${counted(trainingQuestions, 'question')} to train on, ` +
      `${counted(heldOut.length, 'trace')} of ${counted(heldOutQuestions, 'question')} held out.`,
    `A predictor of ${shape.join(' x ')}: ${steps} steps of ${counted(batch, 'trace')}.`,
  ]
  if (shrunk) {
    const wanted = `${settings.epochs} epochs give at least ${settings.leastSteps} steps`
    lines.push(
      steps < settings.leastSteps
        ? `The batch cannot be smaller, but only then would ${wanted}.`
        : `The batch is smaller than ${settings.batch}, so that ${wanted}.`,
    )
  }
  if (resumedAt === steps) lines.push('The training is finished already.')
  else if (resumedAt > 0) lines.push(`It goes on after step ${resumedAt}.`)
  return lines
}

/** For standard output. @param files that were written */
export function trainingSummary({ plan, history, best, throughput }: TrainingResult, files: readonly string[]): string {
  const [before] = history
  const after = best?.entry
  const row = (name: string, of: (entry: EpochEntry) => string, paper = '') => [
    name,
    before ? of(before) : '',
    after ? of(after) : '',
    paper,
  ]
  const overlap = (p: string, paper?: string) =>
    row(`true top 20 % in predicted top ${p} %`, ({ heldOut }) => percent(heldOut.overlap[p]), paper)
  const table = formatTable([
    [`held out: ${counted(plan.split.heldOut.length, 'trace')}`, 'before', `epoch ${after?.epoch ?? '-'}`, 'paper'],
    row('mean squared error', ({ heldOut }) => real(heldOut.mse)),
    row('Kendall’s tau', ({ heldOut }) => heldOut.kendallTau.toFixed(3)),
    overlap('20'),
    overlap('30', 'over 80 %'),
    overlap('40'),
    overlap('50'),
  ])
  return [table, '', ...(throughput ? [throughputLine(throughput)] : []), ...files].join('\n')
}

function throughputLine({ tokens, seconds, flopsPerSecond, machineFlopsPerSecond, ratio }: ThroughputFigures): string {
  const giga = (rate: number) => `${(rate / 1e9).toPrecision(3)} GFLOP/s`
  return (
    `${count(tokens)} tokens in ${seconds.toPrecision(3)} s: ${giga(flopsPerSecond)} performed, ` +
    `${percent(ratio)} of a plain matrix product (${giga(machineFlopsPerSecond)})`
  )
}

function real(value: number): string {
  return value.toPrecision(3)
}
