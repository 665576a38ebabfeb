/**
 * Which traces are replayed: given ones, or the full cache's own samples that are complete and right. Samples and replays nothing.
 */
import { existsSync } from 'node:fs'
import type { Model } from '../../engine/model.ts'
import { readRecords } from '../../records/read-records.ts'
import { jobKey, type EvalIdentity, type EvalJob, type PlannedJob, type ReplayReference } from './eval-job.ts'
import { recordsPath } from './eval-folder.ts'
import { referenceGroup, type EvalPlan, type PlannedTask } from './eval-plan.ts'
import { evalRecords, recordKey, type EvalRecord, type SampleRecord } from './eval-record.ts'

/** One sample of one item, whatever the policy. */
export function sampleOf({ task, item, sample }: Pick<PlannedJob, 'task' | 'item' | 'sample'>): string {
  return JSON.stringify([task, item, sample])
}

/** Whether a sample's trace can be replayed: complete, right, and with its tokens. */
export function isReference(record: EvalRecord): record is SampleRecord & { readonly tokens: number[] } {
  return record.kind === 'sample' && record.right && !record.truncated && record.tokens !== null
}

/** The traces that a task was given, by `sampleOf`; empty: none were. */
export function givenReferences({ name, items }: PlannedTask): ReadonlyMap<string, ReplayReference> {
  const given = items.flatMap(({ id, prompt, trace }) => (trace ? [{ id, reference: { key: prompt, ...trace } }] : []))
  return new Map(given.map(({ id, reference }) => [sampleOf({ task: name, item: id, sample: 0 }), reference]))
}

/** The traces of a task: those that it was given, or that a folder holds, by `sampleOf`. */
export async function readReferences(
  folder: string,
  plan: EvalPlan,
  task: PlannedTask,
  { model, identity }: { readonly model: Model; readonly identity: EvalIdentity },
): Promise<ReadonlyMap<string, ReplayReference>> {
  const given = givenReferences(task)
  if (given.size > 0) return given
  const wanted = new Set(referenceGroup(plan, task)?.jobs.map((job) => jobKey(job, identity)))
  const found = new Map<string, ReplayReference>()
  if (!existsSync(recordsPath(folder))) return found
  for (const record of readRecords(recordsPath(folder), evalRecords)) {
    const key = recordKey(record)
    if (!wanted.has(key) || !isReference(record)) continue
    const messages = [{ role: 'user' as const, content: record.prompt }]
    const { promptTokens, answerStart, tokens } = await model.layout({
      prompt: { messages },
      completion: record.tokens,
    })
    if (answerStart >= tokens.length) continue
    found.set(sampleOf(record), { key, tokens: record.tokens, answerFrom: answerStart - promptTokens })
  }
  return found
}

/** Jobs as they are carried out; a replay without a trace is none. */
export function withReferences(
  jobs: readonly PlannedJob[],
  references: ReadonlyMap<string, ReplayReference>,
): EvalJob[] {
  return jobs.flatMap((job): EvalJob[] => {
    if (job.kind === 'sample') return [{ ...job, kind: 'sample' }]
    const reference = references.get(sampleOf(job))
    return reference ? [{ ...job, kind: 'replay', reference }] : []
  })
}
