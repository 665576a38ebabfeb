import type { TraceLayout } from '../engine/trace-layout.ts'
import type { TraceJudgement } from './judge-trace.ts'
import { traceSchema, type DroppedTrace, type TraceRecord } from './trace-record.ts'

/** What is known of a trace apart from its tokens. */
export type TraceOrigin = Pick<
  DroppedTrace,
  'id' | 'question' | 'sample' | 'seed' | 'given' | 'expected' | 'model' | 'source' | 'settings' | 'versions'
>

/** The record of a judged trace, as of now; only a kept one has its tokens. */
export function makeRecord(
  origin: TraceOrigin,
  { promptTokens, thinkStart, thinkEnd, answerStart, tokens }: TraceLayout,
  { outcome, answer }: TraceJudgement,
): TraceRecord {
  const common: Omit<DroppedTrace, 'outcome'> = {
    schema: traceSchema,
    ...origin,
    answer,
    thinkingTokens: thinkEnd - thinkStart,
    answerTokens: tokens.length - answerStart,
    at: new Date().toISOString(),
  }
  if (outcome !== 'kept') return { ...common, outcome }
  return { ...common, outcome, promptTokens, thinkStart, thinkEnd, answerStart, tokens: [...tokens] }
}
