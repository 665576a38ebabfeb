import { existsSync, readdirSync, statSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { smallModel, smallTensors, text, writeGguf } from '../../../test/support/gguf-writer.ts'
import { FakeHub } from '../../../test/support/hub-server.ts'
import { describe as describeProgress } from '../output/download-progress.ts'
import { modelsCommand } from './models.ts'

const COMMIT = 'c0ffee00'.repeat(5)
const NEXT_COMMIT = 'deadbeef'.repeat(5)
const model = (name: string) => writeGguf(smallModel({ 'general.name': text(name) }), smallTensors)

let hub: FakeHub
let cache: string
beforeAll(async () => {
  hub = await FakeHub.start()
})
afterAll(() => hub.stop())
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'dynts-cli-'))
  hub.contentFault = () => false
  hub.repos.set('user/repo', { commit: COMMIT, files: { 'a-Q4_K_M.gguf': model('a'), 'a-Q8_0.gguf': model('b') } })
})
afterEach(() => rm(cache, { recursive: true, force: true }))

/** Runs `dynts models ...` and returns what it printed. */
async function run(...args: string[]): Promise<{ out: string; err: string }> {
  let out = ''
  let err = ''
  const stderr = new PassThrough()
  stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const command = modelsCommand({
    stdout: { write: (chunk: string) => (out += chunk) },
    stderr: stderr as unknown as NodeJS.WriteStream,
    env: { HF_ENDPOINT: hub.url, HF_HUB_CACHE: cache, HF_HOME: cache },
  })
  await command.parseAsync(args, { from: 'user' })
  return { out, err }
}

/** Until a partial download of so many bytes is on the disk. */
async function untilKept(bytes: number): Promise<void> {
  const blobs = join(cache, 'models--user--repo', 'blobs')
  const isKept = () =>
    existsSync(blobs) && readdirSync(blobs).some((name) => statSync(join(blobs, name)).size === bytes)
  while (!isKept()) await sleep(2)
}

test('an empty cache lists the embedded model', async () => {
  const { out } = await run('list')
  expect(out).toBe(
    `MODEL  QUANT     SIZE\ntiny     F16  7.0 MiB\n\nCache: ${cache}\nGet more with: dynts models pull user/repo:QUANT\n`,
  )
})

test('pull, list, rm', async () => {
  const pulled = await run('pull', 'user/repo')
  const path = join(cache, 'models--user--repo', 'snapshots', COMMIT, 'a-Q4_K_M.gguf')
  expect(pulled.out).toBe(`${path}\n`)
  expect(pulled.err).toMatch(/^100 % {2}3\.\d KiB of 3\.\d KiB\nuser\/repo:Q4_K_M: qwen2, 2 layers, 3\.\d KiB\n$/)

  const { out } = await run('list')
  expect(out).toMatch(/^user\/repo:Q4_K_M +Q4_K_M +3\.\d KiB$/m)
  const listed = JSON.parse((await run('list', '--json')).out) as { schema: string; models: object[] }
  expect(listed).toMatchObject({
    schema: 'dynts.models/1',
    cache,
    models: [
      { name: 'tiny', source: 'embedded', quant: 'F16', bytes: 7_324_288 },
      {
        name: 'user/repo:Q4_K_M',
        source: 'cache',
        quant: 'Q4_K_M',
        commit: COMMIT,
        revisions: ['main'],
        paths: [path],
      },
    ],
  })

  expect((await run('rm', 'user/repo:Q4_K_M')).err).toMatch(/Removed user\/repo:Q4_K_M; 3\.\d KiB are free again/)
  expect(await readdir(cache)).toEqual(['.locks'])
})

test('every listed name can be removed', async () => {
  await run('pull', 'user/repo:Q8_0')
  const files = { 'a-Q4_K_M.gguf': model('new'), 'a-Q8_0.gguf': model('b'), 'other-Q8_0.gguf': model('c') }
  hub.repos.set('user/repo', { commit: NEXT_COMMIT, files })
  for (const name of ['user/repo', 'user/repo:Q8_0', 'hf:user/repo/other-Q8_0.gguf']) await run('pull', name)
  const names = async () =>
    (JSON.parse((await run('list', '--json')).out) as { models: { name: string }[] }).models.map(({ name }) => name)
  expect(await names()).toEqual([
    'tiny',
    `user/repo@${COMMIT.slice(0, 8)}:Q8_0`,
    'user/repo:Q4_K_M',
    'user/repo:Q8_0',
    'hf:user/repo/other-Q8_0.gguf',
  ])
  await expect(run('rm', 'user/repo')).rejects.toThrow(/means 3 models. Name one: user\/repo:Q4_K_M, user\/repo:Q8_0/)
  for (const name of (await names()).slice(1)) await run('rm', name)
  expect(await readdir(cache)).toEqual(['.locks'])
})

test.each([
  ['tiny', /comes with the package/],
  ['./a.gguf', /file of yours/],
  ['user/none', /not in the cache/],
  ['user/repo@v2', /not in the cache/],
])('rm %s', async (name, message) => {
  await expect(run('rm', name)).rejects.toThrow(
    expect.objectContaining({ code: 'not_in_cache', message: expect.stringMatching(message) as string }) as Error,
  )
})

test('Ctrl-C during a pull says that it resumes; rm removes what came', async () => {
  hub.contentFault = (_, response) => {
    response.writeHead(200, { 'content-length': model('a').length })
    response.write(model('a').subarray(0, 100))
    void untilKept(100).then(() => process.emit('SIGINT', 'SIGINT'))
    return true
  }
  const { err, out } = await run('pull', 'user/repo')
  expect(process.exitCode).toBe(130)
  process.exitCode = undefined
  expect(out).toBe('')
  expect(err).toContain('the same command goes on from there')
  expect((await run('rm', 'user/repo')).err).toBe('Removed a partial download; 100 B are free again.\n')
})

test('a login page in place of the Hub: pull says so, and the version in the cache stays', async () => {
  const { out } = await run('pull', 'user/repo')
  hub.hubFault = (_, response) => (response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'), true)
  const again = await run('pull', 'user/repo')
  hub.hubFault = () => false
  expect(again.out).toBe(out)
  expect(again.err).toMatch(/^http.* a proxy or a login page .*\. The version in the cache stays\.$/m)
})

test('progress in words', () => {
  const progress = { state: 'downloading', file: 'a', receivedBytes: 2 ** 20, totalBytes: 2 ** 30 } as const
  expect(describeProgress({ ...progress, bytesPerSecond: 2 ** 20 })).toBe(
    '1.0 MiB of 1.0 GiB, 1.0 MiB/s, 17 min 3 s left',
  )
  expect(describeProgress({ ...progress, bytesPerSecond: 0 })).toBe('1.0 MiB of 1.0 GiB')
})
