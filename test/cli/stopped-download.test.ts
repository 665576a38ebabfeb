/**
 * Ctrl-C while a command that trains downloads the model that it was given.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ImportanceWriter } from '../../src/traces/importance-writer.ts'
import { syntheticManifest } from '../../src/training/synthetic.fake.ts'
import { predictorSafetensors, tinyF16 } from '../oracle.ts'
import { noLock } from '../support/no-lock.ts'
import { FakeHub } from '../support/hub-server.ts'
import { dynts, scratch } from './run-dynts.ts'

vi.setConfig({ testTimeout: 120_000 })
const model = readFileSync(tinyF16)
const importance = join(scratch, 'stopped.importance')
let hub: FakeHub

beforeAll(async () => {
  ImportanceWriter.open(importance, syntheticManifest(), { lock: noLock })
  hub = await FakeHub.start()
  hub.repos.set('user/tiny-GGUF', { commit: 'c0ffee00'.repeat(5), files: { 'tiny-F16.gguf': model } })
  // The download never comes to its end.
  hub.contentFault = (_, response) => {
    response.writeHead(200, { 'content-length': model.length })
    response.write(model.subarray(0, 100_000))
    return true
  }
})
afterAll(() => hub.stop())

test.each([
  ['train', '--importance', importance],
  ['predictor', 'import', predictorSafetensors],
  ['importance', '--traces', 'traces.jsonl'],
])('dynts %s', async (...command) => {
  let sent = false
  const { code, signal, stdout, stderr } = await dynts([...command, '--model', 'user/tiny-GGUF'], {
    timeoutMs: 60_000,
    env: { HF_ENDPOINT: hub.url, HF_HUB_CACHE: join(scratch, `cache-${command[0]}`) },
    onOutput: (child, _, text) => {
      if (!sent && text.includes('MiB')) sent = child.kill('SIGINT')
    },
  })
  expect({ code, signal, stdout }).toEqual({ code: 130, signal: null, stdout: '' })
  expect(stderr).toMatch(/^Stopped\. What was downloaded is kept; the same command goes on from there\.$/m)
})
