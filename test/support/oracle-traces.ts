/**
 * The oracle's traces as `dynts trace` would have written them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { traceSchema, type DroppedTrace, type KeptTrace, type TraceRecord } from '../../src/traces/trace-record.ts'
import type { ImportanceTrace } from '../oracle.ts'

/** What the embedded model and its float32 twin have in common. */
const tinyFingerprint = {
  architecture: 'qwen2',
  hiddenSize: 256,
  layers: 6,
  vocabularySize: 768,
  name: 'dynts tiny reasoner',
}

export function keptTrace(trace: ImportanceTrace): KeptTrace {
  const { tokens, promptTokens, thinkEnd } = trace
  return {
    ...common(String(trace.id)),
    outcome: 'kept',
    answer: '1',
    thinkingTokens: thinkEnd - promptTokens,
    answerTokens: tokens.length - thinkEnd - 1,
    promptTokens,
    thinkStart: promptTokens,
    thinkEnd,
    answerStart: thinkEnd + 1,
    tokens,
  }
}

export function droppedTrace(question: string): DroppedTrace {
  return { ...common(question), outcome: 'wrong-answer', answer: '2', thinkingTokens: 5, answerTokens: 1 }
}

export function writeTraces(path: string, traces: readonly TraceRecord[]): string {
  writeFileSync(path, traces.map((trace) => `${JSON.stringify(trace)}\n`).join(''))
  return path
}

/** A folder that is deleted when the process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dynts-test-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function common(question: string) {
  return {
    schema: traceSchema,
    id: `${question}#0`,
    question,
    sample: 0,
    seed: 0,
    model: tinyFingerprint,
    source: 'local',
    settings: {
      temperature: 0.6,
      topP: 0.95,
      topK: 20,
      minP: 0,
      maxTokens: 16_384,
      maxLength: 18_000,
      instruction: '',
      kvType: 'f16',
      template: null,
    },
    expected: '1',
    versions: {},
    at: '2026-01-01T00:00:00.000Z',
  } as const
}
