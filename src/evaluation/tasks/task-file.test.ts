import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FakeHub } from '../../../test/support/hub-server.ts'
import { findTask } from './registry.ts'
import { givenFile } from './task-file.ts'

const commit = 'c'.repeat(40)
const rows = Buffer.from('{"question": "One?", "answer": "1"}\n{"question": "Two?", "answer": "2"}\n')

let hub: FakeHub
let folder: string
beforeAll(async () => {
  hub = await FakeHub.start()
  hub.repos.set('datasets/me/mine', { commit, files: { 'a/rows.jsonl': rows } })
  folder = await mkdtemp(join(tmpdir(), 'dynts-task-file-'))
})
afterAll(async () => {
  await hub.stop()
  await rm(folder, { recursive: true, force: true })
})
const access = () => ({
  hub: {
    env: { HF_ENDPOINT: hub.url, HF_HUB_CACHE: join(folder, 'hub'), HF_HOME: join(folder, 'none') },
    internals: { retryMs: 1 },
  },
})

test('a file of any dataset on the Hub is one of the user’s, and the commit that it had is told', async () => {
  const source = `me/mine@${commit}/a/rows.jsonl`
  for (const name of ['hf:me/mine/a/rows.jsonl', 'hf:me/mine:a/rows.jsonl', `hf:me/mine@${commit}/a/rows.jsonl`]) {
    expect(await givenFile(name, access())).toMatchObject({ source })
  }
  for (const name of ['file', 'math500', 'chain']) {
    const task = await findTask(name).load({ ...access(), file: 'hf:me/mine/a/rows.jsonl', limit: 2, offline: true })
    expect(task).toMatchObject({ name, source, items: [{ expected: '1' }, { expected: '2' }] })
  }
})

test.each([
  ['hf:me/mine', 'invalid_option'],
  ['hf:mine/rows.jsonl', 'invalid_option'],
  ['hf:me/mine/../rows.jsonl', 'invalid_option'],
  ['hf:me/mine/b/rows.jsonl', 'file_not_found'],
])('%s is refused: %s', async (name, code) => {
  await expect(givenFile(name, access())).rejects.toMatchObject({ name: 'InputError', code })
})
