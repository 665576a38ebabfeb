/**
 * Records traces that exist already as if they had been sampled: rendered with the model's template, tokenised with its vocabulary,
 * judged, kept or dropped. Computes no token, so no weights are needed. A run that was killed goes on where it stopped.
 */
import { checkFields } from '../check-shape.ts'
import { fingerprint } from '../engine/locate-model.ts'
import type { Model } from '../engine/model.ts'
import { templateHash } from '../engine/template-hash.ts'
import type { TraceLayout } from '../engine/trace-layout.ts'
import { InputError } from '../errors.ts'
import type { AnswerGrader } from '../evaluation/grading/grade-answer.ts'
import { mathInstruction } from '../evaluation/tasks/prompts.ts'
import { never } from '../jobs/job.ts'
import { versionsOf } from '../jobs/versions.ts'
import type { ChatMessage } from '../llama/index.ts'
import type { WriteLock } from '../records/file-lock.ts'
import { asOnlyWriter } from '../records/run-output.ts'
import { readGivenFile, type GivenFileOptions, type GivenFileTrace } from './given-file.ts'
import { judgeTrace } from './judge-trace.ts'
import { TraceFile, type TraceConditions, type TraceTally } from './trace-file.ts'
import { contentOf, gradingOf } from './trace-question.ts'
import { makeRecord } from './trace-record.ts'

export interface ImportTracesOptions extends Omit<GivenFileOptions, 'tags'> {
  /** Its vocabulary is enough. */
  readonly model: Model
  /** JSON Lines, a JSON array, Parquet or CSV. */
  readonly given: string
  /** The trace file. */
  readonly output: string
  /** False: a file that is there is put aside. */
  readonly resume: boolean
  /** The most tokens of a kept trace, prompt included. */
  readonly maxLength: number
  /** Added behind each question, as in `sampleTraces`; behind a conversation's only if it is given. */
  readonly instruction?: string | undefined
  readonly grader: AnswerGrader
  /** Versions to record beside those of Node and llama.cpp. */
  readonly versions?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: ImportProgress) => void) | undefined
}

const optionFields = {
  ...{ model: true, given: true, output: true, resume: true, fields: true, questionField: true, answerField: true },
  ...{ idField: true, limit: true, maxLength: true, instruction: true, grader: true, versions: true, signal: true },
  onProgress: true,
} as const

export interface ImportProgress {
  /** Traces that are recorded, those of earlier runs included. */
  readonly done: number
  readonly total: number
  readonly kept: number
}

export interface ImportSummary extends TraceTally {
  readonly output: string
  /** Of this run. */
  readonly sampledNow: number
  /** All that the file has. */
  readonly total: number
  readonly questions: number
  /** Traces without a right answer to be judged by: they are kept if they are complete. */
  readonly notJudged: number
  /** `signal` ended it early: the same call goes on. */
  readonly interrupted: boolean
}

/**
 * @throws InputError as `readGivenFile`; `traces_locked` while another process writes the same file; `traces_differ` and
 *   `invalid_records` for a file that cannot be continued, `invalid_output` for one that cannot be written; `chat_template` for a
 *   conversation that the template refuses; `no_thinking` if no trace has any
 */
export async function importTraces(options: ImportTracesOptions): Promise<ImportSummary> {
  checkFields(options, optionFields, 'the options of importTraces')
  const { model, given, output, fields, questionField, answerField, idField, limit } = options
  const { thinkingTags: tags } = model
  const traces = await readGivenFile(given, { tags, fields, questionField, answerField, idField, limit })
  if (traces.every(({ parts }) => parts.thinking.trim() === '')) {
    throw new InputError(
      'no_thinking',
      `no trace of ${given} has thinking. Name its fields with \`givenFields\` thinking=NAME,reply=NAME, or text=NAME for a text with tags.`,
    )
  }
  return await asOnlyWriter(output, 'traces_locked', (lock) => record(traces, options, lock))
}

async function record(
  traces: readonly GivenFileTrace[],
  options: ImportTracesOptions,
  lock: WriteLock,
): Promise<ImportSummary> {
  const { model, output, resume, grader, signal = never, onProgress } = options
  const questions = [...new Set(traces.map(({ question }) => question))]
  const maxLength = Math.min(options.maxLength, model.info.trainedContext)
  const conditions = conditionsOf(options)
  const samples = new Map(traces.map(({ id, hash }) => [id, hash]))
  const file = new TraceFile(output, { lock, conditions, seed: null, questions, samples, resume })
  const before = file.tally.sampled
  const total = traces.length
  const versions = versionsOf(options)
  const report = () => onProgress?.({ done: file.tally.sampled, total, kept: file.tally.kept })
  report()
  for (const trace of traces) {
    if (signal.aborted) break
    if (file.has(trace.id)) continue
    const { id, question, sample, parts, hash } = trace
    const layout = await layOut(trace, options)
    const judgement = await judgeTrace(layout, { stopped: parts.ended, maxLength, question, grader })
    const expected = question.answer
    const grading = expected === null ? undefined : gradingOf(question)
    const of = { id, question: question.id, sample, seed: null, given: hash, expected, grading, ...conditions }
    file.add(makeRecord({ ...of, versions }, layout, judgement))
    report()
  }
  const interrupted = signal.aborted && file.tally.sampled < total
  return {
    ...file.tally,
    output,
    sampledNow: file.tally.sampled - before,
    total,
    questions: questions.length,
    notJudged: traces.filter(({ question }) => question.answer === null).length,
    interrupted,
  }
}

async function layOut(
  { question, messages: said, parts, place }: GivenFileTrace,
  { model, given, instruction }: ImportTracesOptions,
): Promise<TraceLayout> {
  const messages: readonly ChatMessage[] = said
    ? said.map((message, i) =>
        i === said.length - 1 ? { ...message, content: `${message.content}${instruction ?? ''}` } : message,
      )
    : [{ role: 'user', content: contentOf(question, instruction) }]
  try {
    return await model.layout({ prompt: { messages }, completion: parts })
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    throw new InputError(error.code, `${given}: ${place}: ${error.message}`, { cause: error })
  }
}

function conditionsOf({ model, maxLength, instruction }: ImportTracesOptions): TraceConditions {
  return {
    model: fingerprint(model.info),
    source: 'given',
    thinkingTags: model.template.thinkingTags,
    settings: {
      ...{ temperature: null, topP: null, topK: null, minP: null, maxTokens: null, kvType: null },
      maxLength,
      instruction: instruction ?? `\n${mathInstruction}`,
      template: templateHash(model.template),
    },
  }
}
