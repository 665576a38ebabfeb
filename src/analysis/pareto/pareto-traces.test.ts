import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { noLock } from '../../../test/support/no-lock.ts'
import { importanceSchema } from '../../traces/importance-record.ts'
import { ImportanceStore } from '../../traces/importance-store.ts'
import { ImportanceWriter } from '../../traces/importance-writer.ts'
import { readParetoTraces } from './pareto-traces.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-pareto-'))
afterAll(() => rmSync(folder, { recursive: true }))

const model = { architecture: 'qwen2', hiddenSize: 2, layers: 2, vocabularySize: 10, name: 'a model' }
/** Prompt 1 2 3, thinking 4 5, a tag, answer 7 8. */
const parts = { promptTokens: 3, thinkStart: 3, thinkEnd: 5, answerStart: 6, tokens: [1, 2, 3, 4, 5, 6, 7, 8] }
const settings = {
  ...{ temperature: 0.6, topP: 0.95, topK: 20, minP: 0, maxTokens: 9, maxLength: 99, instruction: '', kvType: 'f16' },
}

/** A trace file and its importance. @param answers what tells each record's answer */
function measured(name: string, answers: readonly object[]) {
  const path = join(folder, `${name}.jsonl`)
  const records = answers.map((answer, i) => ({
    ...{ schema: 'dynts.trace/1', id: `q${i}#0`, question: `q${i}`, sample: 0, seed: 1, model, source: 'local' },
    ...{ settings, outcome: 'kept', ...parts, thinkingTokens: 2, answerTokens: 2 },
    ...{ versions: {}, at: new Date(0).toISOString(), ...answer },
  }))
  writeFileSync(path, records.map((record) => `${JSON.stringify(record)}\n`).join(''))
  const importance = join(folder, `${name}.importance`)
  const conditions = {
    schema: importanceSchema,
    label: 'answer',
    kvType: 'f16',
    tokensPerTrace: null,
    seed: 0,
  } as const
  const writer = ImportanceWriter.open(importance, { ...conditions, model, versions: {} }, { lock: noLock })
  for (const { id, question } of records) {
    writer.add(
      { id, question, promptTokens: 3, thinkingTokens: 2, answerTokens: 2 },
      {
        ...{ importance: Float32Array.of(1, 2), promptImportance: new Float32Array(3) },
        ...{ sampled: Int32Array.of(0, 1), states: new Uint16Array(4) },
      },
    )
  }
  return { path, importance }
}

async function read(name: string, answers: readonly object[]) {
  const { path, importance } = measured(name, answers)
  using store = ImportanceStore.open(importance)
  const common = { traces: path, store, model, trainedContext: 99, scorer: undefined }
  return await readParetoTraces({ ...common, signal: new AbortController().signal })
}

test('answers are graded as those of the traces were', async () => {
  const program = JSON.stringify({ output: '2' })
  const { traces, withoutAnswer } = await read('tasks', [
    { task: 'line', expected: 'Ava, Ben', grading: 'order', answer: 'Ava, Ben' },
    { task: 'code', expected: program, grading: 'code', answer: 'console.log(2)' },
    // A letter that is no choice: the answer of a problem of mathematics.
    { expected: 'A', grading: 'math', answer: 'A' },
    { expected: '(b)', grading: 'choice', answer: 'B' },
  ])
  expect(withoutAnswer).toBe(0)
  expect(traces.map(({ expected, grading, trace }) => [trace.task, expected, grading])).toEqual([
    ['line', 'Ava, Ben', 'order'],
    ['code', program, 'code'],
    [undefined, 'A', 'math'],
    [undefined, '(b)', 'choice'],
  ])
})

test('of older records, and where no right answer is known, one capital letter is that of a choice', async () => {
  const { traces, withoutAnswer } = await read('older', [
    { expected: 'C', answer: 'C' },
    { expected: '12', answer: '12' },
    { expected: null, answer: 'D' },
    { expected: null, answer: null },
  ])
  expect(withoutAnswer).toBe(1)
  expect(traces.map(({ expected, grading }) => [expected, grading])).toEqual([
    ['C', 'choice'],
    ['12', 'math'],
    ['D', 'choice'],
  ])
})
