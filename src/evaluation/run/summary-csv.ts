/**
 * A summary as CSV: one line for each task and configuration. Computes nothing.
 */
import Papa from 'papaparse'
import type { Estimate } from '../metrics/estimate.ts'
import type { RecallSummary } from '../metrics/recall.ts'
import type { AtK } from './configuration-summary.ts'
import { failedOf, type ConfigurationSummary, type EvalSummary, type TaskSummary } from './summarise.ts'

type Cells = Readonly<Record<string, string | number | null>>

/** Shares from 0 to 1, losses in nats, sizes in bytes; a field that has no value is empty. */
export function summaryCsv({ tasks }: EvalSummary): string {
  const rows = tasks.flatMap((task) => task.configurations.map((one) => cellsOf(task, one)))
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  return `${Papa.unparse([...rows], { columns: names, newline: '\n' })}\n`
}

function cellsOf({ task }: TaskSummary, one: ConfigurationSummary): Cells {
  const { sampling, replay } = one
  const { costs, speed } = sampling ?? {}
  return {
    task,
    policy: one.policy,
    policy_options: JSON.stringify(one.policyOptions),
    policy_hash: one.policyHash,
    protect: one.protect.join(' '),
    budget: one.budget,
    local_window: one.localWindow,
    ratio: one.ratio,
    evict_every: one.evictEvery,
    segments: one.segments,
    value_reserve: one.valueReserve,
    samples: sampling?.samples ?? 0,
    missing: one.missing,
    failed: failedOf(one),
    ...estimate('pass1', sampling?.pass1),
    ...estimate('to_full', sampling?.toFull),
    ...estimate('to_dynts', sampling?.toDynts),
    ...Object.fromEntries((sampling?.atK ?? []).flatMap((one) => Object.entries(atK(one)))),
    ...estimate('thinking_tokens', costs?.thinkingTokens),
    ...estimate('thinking_to_full', sampling?.thinkingToFull),
    ...estimate('truncated', costs?.truncated),
    ...estimate('loops', costs?.looped),
    degraded: sampling?.degraded ?? null,
    refused: sampling?.refused ?? null,
    ...estimate('mean_cells', costs?.meanCells),
    ...estimate('peak_cells', costs?.peakCells),
    most_cells: costs?.highestCells ?? null,
    most_bytes: costs?.highestBytes ?? null,
    evictions: sampling?.evictions ?? null,
    ms_per_eviction: sampling?.msPerEviction ?? null,
    tokens_per_second_wall: speed?.wall ?? null,
    tokens_per_second_authors: speed?.authors ?? null,
    replayed_traces: replay?.traces ?? 0,
    replayed_mean_cells: replay?.meanCells ?? null,
    replayed_ms_per_eviction: replay?.msPerEviction ?? null,
    ...estimate('replay_loss', replay?.loss),
    ...estimate('replay_loss_to_full', replay?.toFull),
    ...estimate('replay_loss_to_dynts', replay?.toDynts),
    ...Object.fromEntries((replay?.recall ?? []).flatMap((one) => Object.entries(recallAt(one)))),
  }
}

function recallAt({ distance, held, right, rightToFull, rightToDynts, logprob, ...to }: RecallSummary): Cells {
  const name = `recall_${distance}`
  return {
    ...estimate(`${name}_held`, held),
    ...estimate(`${name}_right`, right),
    ...estimate(`${name}_right_to_full`, rightToFull),
    ...estimate(`${name}_right_to_dynts`, rightToDynts),
    ...estimate(`${name}_logprob`, logprob),
    ...estimate(`${name}_logprob_to_full`, to.logprobToFull),
    ...estimate(`${name}_logprob_to_dynts`, to.logprobToDynts),
  }
}

function atK({ k, pass, maj }: AtK): Cells {
  return { ...estimate(`pass_at_${k}`, pass), ...estimate(`maj_at_${k}`, maj) }
}

function estimate(name: string, value: Estimate | null | undefined): Cells {
  return {
    [name]: value?.mean ?? null,
    [`${name}_low`]: value?.interval?.low ?? null,
    [`${name}_high`]: value?.interval?.high ?? null,
    [`${name}_items`]: value?.items ?? null,
  }
}
