/** The traces of a run: with their scores, and what their answers are graded by. */
import type { TemplateOptions } from '../../engine/locate-model.ts'
import type { GradingKind } from '../../evaluation/grading/grade-answer.ts'
import type { Fingerprint } from '../../predictor/index.ts'
import type { ImportanceStore } from '../../traces/importance-store.ts'
import { refuseOtherTemplate } from '../../traces/kept-traces.ts'
import { measuredTraces, type UnmatchedTraces } from '../../traces/measured-traces.ts'
import type { KeptTrace } from '../../traces/trace-record.ts'
import type { ParetoTrace } from './pareto-job.ts'
import type { ThinkingScorer } from './predicted-scores.ts'

export interface ParetoTracesOptions {
  /** The trace file. */
  readonly traces: string
  readonly store: ImportanceStore
  readonly model: Fingerprint
  readonly trainedContext: number
  /** What the traces must have been made with in place of the model's own. Default: it is not asked. */
  readonly template?: TemplateOptions | undefined
  /** Undefined: there is no predictor. */
  readonly scorer: ThinkingScorer | undefined
  /** The most traces. Default: all. */
  readonly limit?: number | undefined
  readonly signal: AbortSignal
  readonly onTrace?: ((done: number) => void) | undefined
  /** Told which traces only the file or only the folder has, unless `limit` ends before the last. */
  readonly onUnmatched?: ((unmatched: UnmatchedTraces) => void) | undefined
}

export interface ParetoTraces {
  readonly traces: readonly ParetoTrace[]
  /** Left out: no answer is known that others could be graded by. */
  readonly withoutAnswer: number
  /** Left out: nothing fits behind the thinking. */
  readonly tooLong: number
}

/**
 * In the order of the trace file; as many as there were when `signal` aborted.
 * @throws InputError what `measuredTraces` and `ThinkingScorer` throw
 */
export async function readParetoTraces(options: ParetoTracesOptions): Promise<ParetoTraces> {
  const { store, model, trainedContext, template, scorer, limit = Infinity, signal, onTrace, onUnmatched } = options
  const traces: ParetoTrace[] = []
  let [withoutAnswer, tooLong] = [0, 0]
  for (const { trace, record } of measuredTraces(options.traces, store, model, onUnmatched)) {
    if (traces.length === limit || signal.aborted) break
    if (template) refuseOtherTemplate(options.traces, trace, template)
    const expected = trace.expected ?? trace.answer
    if (expected === null || expected === '') withoutAnswer++
    else if (trace.answerStart >= trainedContext) tooLong++
    else {
      const predicted = scorer?.scores(store, record)
      const scores = { importance: store.readImportance(record), predicted }
      traces.push({ trace, scores, expected, grading: gradingOf(trace, expected) })
      onTrace?.(traces.length)
    }
    // A signal is seen between two turns of the event loop only.
    await new Promise(setImmediate)
  }
  return { traces, withoutAnswer, tooLong }
}

/** Where a trace does not say how its answers are graded, one capital letter is taken for the letter of a choice. */
function gradingOf({ grading }: KeptTrace, expected: string): GradingKind {
  return grading ?? (/^[A-Z]$/.test(expected.trim()) ? 'choice' : 'math')
}
