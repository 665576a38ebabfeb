/** Importance folders as `dynts importance` writes them, with importance of one's own. For the built library: it takes its writer. */
import { ImportanceWriter } from '../../dist/traces/importance-writer.js'
import { importanceSchema } from '../../src/traces/importance-record.ts'
import type { KeptTrace } from '../../src/traces/trace-record.ts'
import { noLock } from './no-lock.ts'

export interface MeasuredBy {
  readonly trace: KeptTrace
  /** Shape [thinking]. */
  readonly importance: readonly number[]
}

/** Every state is zero. @param measured at least one */
export function writeImportanceFolder(
  folder: string,
  measured: readonly MeasuredBy[],
  model = measured[0]?.trace.model,
): string {
  if (!model) throw new Error('an importance folder is of a model')
  const manifest = {
    schema: importanceSchema,
    model,
    label: 'answer',
    kvType: 'f16',
    tokensPerTrace: null,
    seed: 0,
    versions: {},
  } as const
  const writer = ImportanceWriter.open(folder, manifest, { lock: noLock })
  for (const { trace, importance } of measured) {
    const { id, question, promptTokens, answerStart, tokens } = trace
    const counts = { promptTokens, thinkingTokens: importance.length, answerTokens: tokens.length - answerStart }
    writer.add(
      { id, question, ...counts },
      {
        importance: Float32Array.from(importance),
        promptImportance: new Float32Array(promptTokens),
        sampled: Int32Array.from(importance.keys()),
        states: new Uint16Array(importance.length * model.hiddenSize),
      },
    )
  }
  return folder
}
