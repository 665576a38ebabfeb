/** Traces together with what was measured of them: a trace file beside its importance folder. */
import { InputError } from '../errors.ts'
import type { Fingerprint } from '../predictor/index.ts'
import type { ImportanceRecord } from './importance-record.ts'
import type { ImportanceStore } from './importance-store.ts'
import { isMeasuredAs, keptTraces, refuseOtherModel } from './kept-traces.ts'
import type { KeptTrace } from './trace-record.ts'

export interface MeasuredTrace {
  readonly trace: KeptTrace
  readonly record: ImportanceRecord
}

/** How many traces only one of the two has. */
export interface UnmatchedTraces {
  /** Measured in the folder, and not in the trace file. */
  readonly absent: number
  /** Kept in the trace file, and not in the folder. */
  readonly notMeasured: number
}

/**
 * The traces that both have, one after another in the order of the trace file, each once.
 * @param path the trace file
 * @param model that both are of
 * @param onEnd is told after the last what was left out
 * @throws InputError `trace_mismatch` for another model; `importance_mismatch` if a trace is not the one that was measured under its
 *   id; `no_traces` if they have none in common; what reading either throws
 */
export function* measuredTraces(
  path: string,
  store: ImportanceStore,
  model: Fingerprint,
  onEnd?: (unmatched: UnmatchedTraces) => void,
): Generator<MeasuredTrace, void, undefined> {
  const { folder, manifest } = store
  refuseOtherModel(`${folder} was measured with`, manifest.model, model)
  const records = new Map(store.records.map((record) => [record.id, record]))
  const found = new Set<string>()
  const notMeasured = new Set<string>()
  for (const trace of keptTraces(path, model)) {
    const record = records.get(trace.id)
    if (!record) notMeasured.add(trace.id)
    if (!record || found.has(trace.id)) continue
    if (!isMeasuredAs(record, trace)) {
      throw new InputError(
        'importance_mismatch',
        `${folder} was measured on another trace ${trace.id} than ${path} has.`,
      )
    }
    found.add(trace.id)
    yield { trace, record }
  }
  if (found.size === 0) throw new InputError('no_traces', `${folder} was measured on none of the traces of ${path}.`)
  onEnd?.({ absent: records.size - found.size, notMeasured: notMeasured.size })
}
