/**
 * Files that llama.cpp does not survive, and whole ones of the same kind: the real trial, in its own process.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect, test, vi } from 'vitest'
import { tryModel } from '../../src/engine/trial.ts'
import { inspectGguf } from '../../src/models/gguf-file.ts'
import { families, others, type ModelPlan } from '../support/families.ts'
import { i32s, u32, writeRandomGguf, type Value } from '../support/gguf-writer.ts'
import { scratch } from '../support/scratch.ts'
import { isAlive } from '../server/start-dynts-serve.ts'
import { vocabularies, withVocabulary } from '../support/vocabularies.ts'

const program = new URL('../../dist/engine/trial-program.js', import.meta.url)
beforeAll(() => {
  vi.stubEnv('XDG_CACHE_HOME', scratch)
})

const having = ({ metadata, tensors }: ModelPlan, values: Readonly<Record<string, Value>>): ModelPlan => ({
  metadata: { ...metadata, ...values },
  tensors,
})
const without = ({ metadata, tensors }: ModelPlan, name: RegExp): ModelPlan => ({
  metadata,
  tensors: tensors.filter((tensor) => !name.test(tensor.name)),
})
const phi3 = others['Phi-3']()
const qwen35 = families['Qwen3.5, a hybrid']?.() ?? phi3
const wordPiece = withVocabulary(others['Llama'](), 'bert')
const bytesOnly = new Array<number>(vocabularies['bert']?.size ?? 0).fill(6)

const endWithParent = new URL('../../dist/engine/end-with-parent.js', import.meta.url)

async function tried(name: string, { metadata, tensors }: ModelPlan): Promise<unknown> {
  const path = join(scratch, `${name.replaceAll(/\W/g, '-')}.gguf`)
  writeFileSync(path, writeRandomGguf(metadata, tensors))
  return await tryModel(await inspectGguf(path), { gpu: 'off', program })
}

test.concurrent.each<[string, ModelPlan, RegExp]>([
  ['WordPiece with byte tokens', having(wordPiece, { 'tokenizer.ggml.token_type': i32s(bytesOnly) }), /fatal error/],
  ['Phi-3 without queries, keys and values', without(phi3, /attn_qkv/), /SIGSEGV/],
  ['Qwen3.5 without a size of its states', having(qwen35, { 'qwen35.ssm.inner_size': u32(0) }), /GGML_ASSERT/],
  ['Qwen3.5 with no full attention', having(qwen35, { 'qwen35.full_attention_interval': u32(0) }), /SIGFPE/],
])('%s is refused', async (name, plan, reason) => {
  await expect(tried(name, plan)).rejects.toThrow(
    expect.objectContaining({ code: 'model_crashes', message: expect.stringMatching(reason) as string }),
  )
})

test.concurrent.each<[string, ModelPlan]>([
  ['WordPiece', wordPiece],
  ['Unigram', withVocabulary(others['Llama'](), 't5')],
  ['RWKV', withVocabulary(others['Llama'](), 'rwkv')],
  ['Phi-3', phi3],
  ['Qwen3.5', qwen35],
])('%s, whole, is not', async (name, plan) => {
  expect(await tried(name, plan)).toEqual({ gpu: 'off' })
})

test.skipIf(process.platform === 'win32')('a process that computes without end ends with its parent', async () => {
  const child = `
    import { endWithParent } from '${endWithParent.href}'
    endWithParent(process.ppid)
    process.stdout.write(String(process.pid))
    setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 100)`
  const parent = spawn(process.execPath, [
    ...['--input-type=module', '-e'],
    `import { spawn } from 'node:child_process'
    spawn(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(child)}], { stdio: 'inherit' })`,
  ])
  const [said] = (await once(parent.stdout, 'data')) as [Buffer]
  const pid = Number(said)
  await sleep(1000)
  expect(isAlive(pid)).toBe(true)
  parent.kill('SIGKILL')
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 10_000, interval: 50 })
})
