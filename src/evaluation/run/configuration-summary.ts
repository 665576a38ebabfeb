/** The numbers of one configuration from its records. */
import { costSummary, msPerEviction, throughput, type CostSummary, type Throughput } from '../metrics/costs.ts'
import { itemMeans, mean, pairedDifference, pairedRatio, perItem } from '../metrics/estimate.ts'
import type { Estimate } from '../metrics/estimate.ts'
import { classesBy, majAtK, normalisedText } from '../metrics/maj-at-k.ts'
import { meanPassAtK, passAt1, passAt1OfItems } from '../metrics/pass-at-k.ts'
import { recallSummaries, type RecalledItem, type RecallSummary } from '../metrics/recall.ts'
import { replayLoss, replayLossDifference, type ReplayedSample } from '../metrics/replay-loss.ts'
import type { EvalPlan } from './eval-plan.ts'
import type { ReplayRecord } from './eval-record.ts'
import type { Compared, Rows, Sample } from './found-records.ts'
import { choiceLetter } from '../grading/choice-letter.ts'
import type { AnswerGrader } from '../grading/grade-answer.ts'

export interface AtK {
  readonly k: number
  readonly pass: Estimate
  readonly maj: Estimate
}

/** What samples of one configuration gave. */
export interface SampleSummary {
  readonly samples: number
  readonly pass1: Estimate
  /** Paired by item; null: it is `full`, or there is none. */
  readonly toFull: Estimate | null
  /** To `dynts` with the same settings, paired by item; null: it is `dynts`, or there is none. */
  readonly toDynts: Estimate | null
  /** Thinking tokens by those of `full`, over the samples that both have (same item, same number); null: as for `toFull`. */
  readonly thinkingToFull: Estimate | null
  /** For each k of which an item has so many samples. */
  readonly atK: readonly AtK[]
  /** Of what was not refused; null: all was. */
  readonly costs: CostSummary | null
  readonly speed: Throughput | null
  /** Means over samples that were not refused. */
  readonly evictions: number
  /** null: nothing was evicted, or by an earlier version, which did not take its time. */
  readonly msPerEviction: number | null
  /** Shares of all samples. */
  readonly degraded: number
  readonly refused: number
}

/** What replays of one configuration gave. */
export interface ReplaySummary {
  readonly traces: number
  /** Of each replay over its steps, then over replays; null: no trace could be replayed. */
  readonly meanCells: number | null
  /** Mean over replays that were not refused. */
  readonly evictions: number
  /** As in `SampleSummary`. */
  readonly msPerEviction: number | null
  /** null: no trace could be replayed. */
  readonly loss: Estimate | null
  readonly toFull: Estimate | null
  readonly toDynts: Estimate | null
  readonly refused: number
  /** Of traces that state a fact once, by distance; empty: none do. */
  readonly recall: readonly RecallSummary[]
}

export async function summariseSamples(
  { seed }: EvalPlan,
  { configuration, samples }: Rows,
  compared: Compared,
  { k, grader }: { readonly k?: readonly number[] | undefined; readonly grader: AnswerGrader },
): Promise<SampleSummary> {
  const began = samples.filter(({ refused }) => refused === null)
  const share = (test: (sample: Sample) => boolean) => samples.filter(test).length / samples.length
  const ks = k ?? (configuration.samples > 1 ? [configuration.samples] : [])
  const to = (other: Rows | undefined) =>
    pairedDifference(passAt1OfItems(samples), passAt1OfItems(other?.samples ?? []), seed)
  return {
    samples: samples.length,
    pass1: passAt1(samples, seed),
    toFull: to(compared.full),
    toDynts: to(compared.dynts),
    thinkingToFull: thinkingRatio(began, compared.full?.samples ?? [], seed),
    atK: (await Promise.all(ks.map(async (one) => await atK(samples, one, grader, seed)))).flat(),
    costs: began.length === 0 ? null : costSummary(began, seed),
    speed: began.length === 0 ? null : speedOf(began),
    evictions: began.length === 0 ? 0 : mean(began.map(({ evictions }) => evictions)),
    msPerEviction: msPerEviction(began),
    degraded: share(({ degraded }) => degraded),
    refused: share(({ refused }) => refused !== null),
  }
}

function thinkingRatio(samples: readonly Sample[], full: readonly Sample[], seed: number): Estimate | null {
  const theirs = new Map(full.map((sample) => [sampleKey(sample), sample]))
  const pairs = samples.flatMap((sample) => {
    const other = theirs.get(sampleKey(sample))
    return other ? [{ item: sample.item, own: sample.thinkingTokens, full: other.thinkingTokens }] : []
  })
  return pairedRatio(
    itemMeans(pairs, ({ own }) => own),
    itemMeans(pairs, (pair) => pair.full),
    seed,
  )
}

function speedOf(samples: readonly Sample[]): Throughput {
  return throughput(samples.map((sample) => ({ ...sample, parallel: sample.machine.parallel })))
}

/** Over items that have k samples: with missing ones allowed some have fewer, or all. */
async function atK(samples: readonly Sample[], k: number, grader: AnswerGrader, seed: number): Promise<AtK[]> {
  const counts = perItem(samples, ({ length }) => length)
  const enough = samples.filter(({ item }) => (counts.get(item) ?? 0) >= k)
  if (enough.length === 0) return []
  // What a sample that was cut off says is not its answer, and an empty box says nothing: wrong, and without a vote.
  const usable = enough.map((sample) =>
    sample.truncated || sample.answer === '' ? { ...sample, answer: null } : sample,
  )
  const classes = await answerClasses(usable, grader)
  const classOf = (answer: string, item: string) => classes.get(item)?.get(answer) ?? normalisedText(answer)
  return [{ k, pass: meanPassAtK(usable, k, seed), maj: majAtK(usable, k, { seed, classOf }) }]
}

/** For each item whose answers are not compared as text, which of them are the same. */
async function answerClasses(
  samples: readonly Sample[],
  grader: AnswerGrader,
): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  const answers = new Map<string, string[]>()
  const classes = new Map<string, Map<string, string>>()
  for (const { item, answer, grading } of samples) {
    if (answer === null) continue
    if (grading === 'math') answers.set(item, [...(answers.get(item) ?? []), answer])
    if (grading === 'choice')
      classes.set(item, (classes.get(item) ?? new Map<string, string>()).set(answer, choiceLetter(answer)))
  }
  for (const [item, given] of answers) {
    classes.set(item, new Map(await classesBy(given, async (a, b) => (await grader.grade(a, b)).right)))
  }
  return classes
}

export function summariseReplays({ seed }: EvalPlan, { replays }: Rows, compared: Compared): ReplaySummary {
  const losses = lossesOf(replays)
  const to = (other: Rows | undefined) => replayLossDifference(losses, lossesOf(other?.replays ?? []), seed)
  const began = replays.filter((one) => one.loss !== null)
  return {
    traces: losses.length,
    meanCells: began.length === 0 ? null : mean(began.map(({ meanCells }) => meanCells)),
    evictions: began.length === 0 ? 0 : mean(began.map(({ evictions }) => evictions)),
    msPerEviction: msPerEviction(began),
    loss: losses.length === 0 ? null : replayLoss(losses, seed),
    toFull: to(compared.full),
    toDynts: to(compared.dynts),
    refused: replays.length - losses.length,
    recall: recallSummaries(
      recalledOf(replays),
      { full: recalledOf(compared.full?.replays ?? []), dynts: recalledOf(compared.dynts?.replays ?? []) },
      seed,
    ),
  }
}

function recalledOf(replays: readonly ReplayRecord[]): RecalledItem[] {
  return replays.flatMap(({ item, recall }) => (recall ? [{ item, recall }] : []))
}

function lossesOf(replays: readonly ReplayRecord[]): ReplayedSample[] {
  return replays.flatMap(({ item, sample, loss }) => (loss === null ? [] : [{ item, sample, loss }]))
}

function sampleKey({ item, sample }: Sample): string {
  return JSON.stringify([item, sample])
}
