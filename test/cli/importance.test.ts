/**
 * `dynts importance`: what it measures, what it says, what it refuses.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { ImportanceStore } from '../../src/traces/importance-store.ts'
import { importanceOracle, maxDifference, tinyF32 } from '../oracle.ts'
import { keptTrace, writeTraces } from '../support/oracle-traces.ts'
import { dynts, refusal, scratch } from './run-dynts.ts'

/** Whole runs, several in a test, on a machine that may be busy. */
vi.setConfig({ testTimeout: 120_000 })
const timeoutMs = 60_000
const at = (name: string) => join(scratch, name)
const oracle = importanceOracle().traces.slice(0, 6)
const traces = oracle.map(keptTrace)
const file = writeTraces(at('six.jsonl'), traces)
const importance = (...args: string[]) =>
  dynts(['importance', '--model', tinyF32, '--threads', '1', '--offline', ...args], { timeoutMs })
const bytesOf = (folder: string) =>
  Object.fromEntries(readdirSync(at(folder)).map((name) => [name, readFileSync(at(`${folder}/${name}`), 'base64')]))

describe('dynts importance', () => {
  test('measures what the oracle measured, into a folder named after the traces', async () => {
    const { code, stdout, stderr } = await importance('--traces', file, '--kv-type', 'f32')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    using store = ImportanceStore.open(at('six.importance'))
    for (const [i, record] of store.records.entries()) {
      expect(record).toMatchObject({ id: traces[i]!.id, question: traces[i]!.question })
      expect(maxDifference(store.read(record).importance, oracle[i]!.importance)).toBeLessThan(1e-5)
    }
    expect(store.records.length).toBe(6)
    expect(stderr).toMatch(
      /^6 traces of [\d,]+ tokens: writes [\d.]+ [KM]iB to \S+six\.importance \([\d.]+ \w+ free\)\.$/m,
    )
    expect(stderr).toMatch(/^Next: dynts train .*six\.importance$/m)
    expect(stdout).toMatch(/six\.importance: 6 traces/)
    expect(stdout).toMatch(/^\d\d\.\d % of the thinking tokens have more than the mean importance/m)
  })

  test('of some tokens of each trace, as JSON; once more, there is nothing left to do', async () => {
    const args = ['--traces', file, '--tokens-per-trace', '50', '--seed', '3', '--output', at('some'), '--json']
    const first = await importance(...args)
    expect(first).toMatchObject({ code: 0 })
    const bytes = bytesOf('some')
    const again = await importance(...args)
    expect(again.stderr).toMatch(/^6 of 6 traces done already\.$/m)
    for (const { stdout } of [first, again])
      expect(JSON.parse(stdout)).toMatchObject({
        schema: 'dynts.importance.summary/1',
        traces: 6,
        storedTokens: 300,
        seed: 3,
        model: { architecture: 'qwen2', hiddenSize: 256 },
        settings: { label: 'answer', kvType: 'f16', tokensPerTrace: 50 },
      })
    expect(bytesOf('some')).toEqual(bytes)
    expect(existsSync(at('some.lock'))).toBe(false)
  })

  test('Ctrl-C ends it in good order, and the same command goes on', async () => {
    const args = ['importance', '--model', tinyF32, '--threads', '1', '--traces', file, '--output', at('interrupted')]
    let sent = false
    const { code, stderr, stdout } = await dynts(args, {
      timeoutMs,
      onOutput: (child, _, text) => {
        if (!sent && text.includes('writes')) sent = child.kill('SIGINT')
      },
    })
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
    expect(stderr).toMatch(/The same command goes on from there\.$/m)
  })

  test('refuses bad input in one line', async () => {
    expect(refusal(await importance('--traces', at('none.jsonl')))).toMatch(/none\.jsonl/)
    expect(refusal(await dynts(['importance', '--model', tinyF32]))).toMatch(/--traces/)
    writeFileSync(at('broken.jsonl'), `${JSON.stringify(traces[0])}\n{"schema":"dynts.trace/1"}\n`)
    expect(refusal(await importance('--traces', at('broken.jsonl')))).toMatch(/line 2/)
    const other = { ...traces[0]!, model: { ...traces[0]!.model, hiddenSize: 512, name: 'another' } }
    const foreign = writeTraces(at('foreign.jsonl'), [other])
    expect(refusal(await importance('--traces', foreign))).toMatch(/another \(hidden size 512\).* 256/)
    expect(refusal(await importance('--traces', file, '--label', 'soon'))).toMatch(
      /"soon" is no label: use answer, later/,
    )
    expect(refusal(await importance('--traces', file, '--label', 'later'))).toMatch(
      /another --label \(answer instead of later:128\)/,
    )
    expect(refusal(await importance('--traces', file, '--tokens-per-trace', '0'))).toMatch(/--tokens-per-trace/)
    expect(refusal(await importance('--traces', file, '--tokens-per-trace', '5'))).toMatch(/--no-resume/)
    expect(existsSync(at('foreign.importance'))).toBe(false)
    expect(refusal(await importance('--traces', scratch))).toMatch(/is a folder/)
    expect(refusal(await importance('--traces', file, '--output', join(file, 'x')))).toMatch(
      /cannot be written.*--output/,
    )
  })
})
