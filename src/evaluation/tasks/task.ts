/**
 * What a task is: questions with their right answers, the prompt that the model gets, and the settings that the paper used.
 */
import { isWhole } from '../../check-whole.ts'
import { InputError } from '../../errors.ts'
import { jsonDigest } from '../../json-digest.ts'
import type { DownloadProgress } from '../../models/progress-meter.ts'
import type { ResolveOptions } from '../../models/resolve.ts'
import type { GradingKind } from '../grading/grade-answer.ts'
import type { QuestionFileOptions } from '../questions/question-file.ts'
import type { RecallVocabulary } from '../recall/lay-out-recall.ts'

/** A trace that exists, in the model's tokens. */
export interface GivenTrace {
  readonly promptTokens: readonly number[]
  /** Of thinking and answer. */
  readonly tokens: readonly number[]
  /** Index in `tokens` of the first one whose loss counts: the first after the thinking, or of a fact's repeated value. */
  readonly answerFrom: number
  /** What was stated once, and is repeated from `answerFrom` on. */
  readonly fact?: RecalledFact | undefined
}

/** A fact that a trace states once. */
export interface RecalledFact {
  /** Indices in the trace's tokens: from .. to - 1 state it. */
  readonly from: number
  readonly to: number
  /** The tokens from its last one to its repetition that were asked for. */
  readonly distance: number
}

export interface TaskItem {
  /** Unique within the task. */
  readonly id: string
  /** Place in the task, from 0. */
  readonly index: number
  /** The user's message; there is no system prompt. */
  readonly prompt: string
  readonly expected: string
  readonly kind: GradingKind
  /** To be replayed; of all items of a task or of none. Its `prompt` is then only a name for these tokens. */
  readonly trace?: GivenTrace | undefined
}

export interface LoadedTask {
  readonly name: string
  /** Where the questions come from: a file, or `user/name@commit/file`. */
  readonly source: string
  readonly items: readonly TaskItem[]
  /** How many rows of the source are no items, because their answer is empty. */
  readonly leftOut: number
}

/** What a run uses where the user says nothing. */
export interface PublishedSettings {
  /** B, in cells. */
  readonly budget: number
  /** W_l, in cells. */
  readonly localWindow: number
  readonly ratio: number
  readonly sampling: { readonly temperature: number; readonly topP: number; readonly topK: number }
  /** The most new tokens. */
  readonly maxTokens: number
  /** Samples of each item. */
  readonly samples: number
  /** Sequences at the same time. */
  readonly parallel: number
}

export interface TaskLoadOptions extends Pick<QuestionFileOptions, 'questionField' | 'answerField' | 'idField'> {
  /** In place of the task's own: JSON Lines, a JSON array, Parquet or CSV, here or on the Hub (`hf:user/name[@revision]/file`). */
  readonly file?: string | undefined
  /** The first so many items. Default: all. */
  readonly limit?: number | undefined
  /** Of the order of the choices. Default 1. */
  readonly seed?: number | undefined
  /** Of tasks that are generated: all items are generated from this seed. */
  readonly generateSeed?: number | undefined
  /** `recall`: tokens from a fact to where it is needed, several in turn. */
  readonly distances?: readonly number[] | undefined
  /** Of the model that is measured, loaded when it is needed; the task does not close it. */
  readonly vocabulary?: (() => Promise<RecallVocabulary>) | undefined
  /** Positions that the model was trained for: no item may be longer. Default: no limit. */
  readonly trainedContext?: number | undefined
  /** Never use the network. */
  readonly offline?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly onDownload?: ((progress: DownloadProgress) => void) | undefined
  /** For tests: environment variables, shorter waits. */
  readonly hub?: Pick<ResolveOptions, 'env' | 'internals'> | undefined
}

export interface Task {
  readonly name: string
  /** Its items can be generated, from a seed. Default false. */
  readonly isGenerated?: boolean | undefined
  /** Its items are traces, which are replayed: nothing is sampled. Default false. */
  readonly isReplayed?: boolean | undefined
  /** The names of its fields are fixed, in a file of the user as well. Default false. */
  readonly hasFixedFields?: boolean | undefined
  /**
   * The settings of the paper, section 5 and appendix C, for this task and a model.
   * @param modelName a name that says `llama` in any way gets the settings of R1-Distill-Llama, all others those of R1-Distill-Qwen
   */
  published(modelName: string): PublishedSettings
  /** @throws InputError for what the Hub or a file does not give, `duplicate_item`, `invalid_limit`, `no_items` */
  load(options: TaskLoadOptions): Promise<LoadedTask>
}

/** Puts a loaded task together. @throws InputError `duplicate_item`, `no_items` */
export function loadedTask(name: string, source: string, items: readonly TaskItem[], leftOut = 0): LoadedTask {
  if (items.length === 0) throw new InputError('no_items', `${source} has no questions for the task ${name}.`)
  const ids = new Set<string>()
  for (const { id } of items) {
    if (ids.has(id))
      throw new InputError('duplicate_item', `${source} has two questions with the id ${id}. Ids must differ.`)
    ids.add(id)
  }
  return { name, source, items, leftOut }
}

/** What stands for the prompt of an item that is a trace. @param of all that tells it from others */
export function tokensName(of: unknown): string {
  return `tokens ${jsonDigest(of).toString('hex').slice(0, 32)}`
}

/** @throws InputError `invalid_limit` */
export function checkLimit(limit: number | undefined): void {
  if (limit === undefined || isWhole(limit, 1)) return
  throw new InputError('invalid_limit', `The limit must be a whole number of at least 1, not ${limit}.`)
}
