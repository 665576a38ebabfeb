/**
 * Models from a Hub, as a user gets them. The Hub is `FakeHub`; what can go wrong on the way is tested in src/models.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { tinyF16, tinyPredictor } from '../oracle.ts'
import { FakeHub, sha256 } from '../support/hub-server.ts'
import { dynts, refusal, scratch, shortProblem, type RunSettings } from './run-dynts.ts'
import { parseRecord } from './run-record.ts'

const model = readFileSync(tinyF16)
let hub: FakeHub
let cache: string

beforeAll(async () => {
  hub = await FakeHub.start()
  hub.repos.set('user/tiny-GGUF', { commit: 'c0ffee00'.repeat(5), files: { 'tiny-F16.gguf': model } })
})
afterAll(() => hub.stop())
beforeEach(() => {
  hub.hubFault = () => false
  hub.contentFault = () => false
  cache = mkdtempSync(join(scratch, 'cache-'))
})

const online = (args: string[], settings: RunSettings = {}) =>
  dynts(args, { ...settings, env: { HF_ENDPOINT: hub.url, HF_HUB_CACHE: cache } })

test('run downloads a model, answers, and runs it offline afterwards', async () => {
  const args = ['run', '--model', 'hf:user/tiny-GGUF:F16', '--json', '--max-tokens', '5', shortProblem.question]
  const first = await online(args)
  expect(first).toMatchObject({ code: 0, stderr: expect.stringMatching(/^100 % {2}7\.0 MiB of 7\.0 MiB$/m) as string })
  const { cache: used, predictor, model: info } = parseRecord(first.stdout)
  expect(info.reference).toBe('hf:user/tiny-GGUF:F16')
  expect(predictor).toBeNull()
  expect(used).toMatchObject({ policy: 'question-window', budget: 4096 })
  const requests = hub.log.length
  const again = await online([...args, '--offline'])
  expect(again).toMatchObject({ code: 0, stderr: '' })
  expect(hub.log).toHaveLength(requests)
})

test('pull: a disk that is too full is one line, exit code 2', async () => {
  hub.hubFault = (request, response) => {
    if (!request.url?.includes('/tree/')) return false
    const lfs = { oid: 'ab'.repeat(32), size: 2 ** 50, pointerSize: 130 }
    const entry = { type: 'file', path: 'huge-Q4_K_M.gguf', size: 2 ** 50, oid: 'ab'.repeat(20), lfs }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify([entry]))
    return true
  }
  expect(refusal(await online(['models', 'pull', 'user/tiny-GGUF']))).toMatch(
    /^The disk of .* is too full: 1\.0 PiB are needed, but only .* are free\./,
  )
})

test.each<[string, string[], RegExp]>([
  ['a repository that is not there', ['models', 'pull', 'user/none'], /user\/none/],
  ['a quantisation that is not there', ['models', 'pull', 'user/tiny-GGUF:Q2_K'], /has no Q2_K\. It has: F16/],
  ['run: a repository that is not there', ['run', '-m', 'user/none', 'question'], /user\/none/],
])('%s is one line, exit code 2', async (_, args, says) => {
  expect(refusal(await online(args))).toMatch(says)
})

test('an address of the Hub that is none is one line, exit code 2', async () => {
  const env = { HF_ENDPOINT: 'hub.example', HF_HUB_CACHE: cache }
  expect(refusal(await dynts(['run', '-m', 'user/other:Q4_K_M', 'question'], { env }))).toMatch(/HF_ENDPOINT is/)
})

test('Ctrl-C while a model for run is downloaded: exit code 130, and it is said that it resumes', async () => {
  hub.contentFault = (_, response) => {
    response.writeHead(200, { 'content-length': model.length })
    response.write(model.subarray(0, 100_000))
    return true
  }
  let sent = false
  const { code, signal, stdout, stderr } = await online(['run', '-m', 'user/tiny-GGUF', 'question'], {
    onOutput: (child, _, err) => {
      if (!sent && err.includes('MiB')) sent = child.kill('SIGINT')
    },
  })
  expect({ code, signal, stdout }).toEqual({ code: 130, signal: null, stdout: '' })
  expect(stderr).toMatch(/the same command goes on from there/)
  expect(stderr).not.toMatch(/bug|Error/)
})

test('a login page in the middle of a download is one line, and the same command goes on afterwards', async () => {
  const half = Math.floor(model.length / 2)
  hub.contentFault = (_, response) => {
    response.writeHead(200, { 'content-length': model.length })
    response.write(model.subarray(0, half))
    const partial = join(cache, 'models--user--tiny-GGUF', 'blobs', `${sha256(model)}.incomplete`)
    const poll = setInterval(() => {
      if (statSync(partial, { throwIfNoEntry: false })?.size !== half) return
      clearInterval(poll)
      response.destroy()
    }, 5)
    // From now on the network wants a login.
    hub.contentFault = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>login</html>')
      return true
    }
    return true
  }
  const { code, stdout, stderr } = await online(['models', 'pull', 'user/tiny-GGUF'])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^dynts: [^\n]+ answered with a web page [^\n]+ a proxy or a login page [^\n]+ is kept\.$/m)
  hub.contentFault = () => false
  hub.log.length = 0
  expect(await online(['models', 'pull', 'user/tiny-GGUF'])).toMatchObject({ code: 0 })
  expect(hub.log.filter((line) => line.startsWith('content'))).toEqual([
    expect.stringMatching(new RegExp(` bytes=${half}-$`)),
  ])
})

test.each([
  ['HF_TOKEN', { HF_TOKEN: '\u201chf_abc\u201d' }],
  ['HF_TOKEN', { HF_TOKEN: 'hf_abc\ndef' }],
])('a token that is none: %s is named in one line, and nothing is sent', async (name, env) => {
  const requests = hub.log.length
  const settings = { env: { HF_ENDPOINT: hub.url, HF_HUB_CACHE: cache, ...env } }
  expect(refusal(await dynts(['models', 'pull', 'user/tiny-GGUF'], settings))).toMatch(
    new RegExp(`^${name} holds no access token`),
  )
  expect(hub.log).toHaveLength(requests)
})

test('rm of a link to a file of the user leaves the file', async () => {
  const mine = join(cache, 'mine.gguf')
  copyFileSync(tinyF16, mine)
  const snapshot = join(cache, 'models--user--linked', 'snapshots', 'c0ffee00'.repeat(5))
  mkdirSync(snapshot, { recursive: true })
  symlinkSync(mine, join(snapshot, 'mine-F16.gguf'))
  expect((await online(['models', 'list'])).stdout).toMatch(/^user\/linked@c0ffee00:F16 /m)
  expect(refusal(await online(['run', '--offline', '-m', 'user/linked:F16', 'question']))).toMatch(
    /at another revision: name user\/linked@c0ffee00:F16\./,
  )
  expect(await online(['models', 'rm', 'user/linked'])).toMatchObject({ code: 0 })
  expect(readFileSync(mine).equals(model)).toBe(true)
  expect(existsSync(join(cache, 'models--user--linked'))).toBe(false)
})

test('list and inspect know what was pulled', async () => {
  expect(await online(['models', 'pull', 'user/tiny-GGUF'])).toMatchObject({ code: 0 })
  expect((await online(['models', 'list'])).stdout).toMatch(/^user\/tiny-GGUF:F16 +F16 +7\.0 MiB$/m)
  expect((await online(['inspect', 'user/tiny-GGUF:F16'])).stdout).toMatch(/^architecture +qwen2$/m)
})

test('a predictor from the Hub: pulled, taken by name offline, and with the model it lies beside', async () => {
  const commit = 'c0ffee00'.repeat(5)
  const predictor = readFileSync(tinyPredictor)
  hub.repos.set('user/predictors', { commit, files: { 'a.predictor.gguf': predictor, 'b.predictor.gguf': predictor } })
  hub.repos.set('user/both-GGUF', { commit, files: { 'both-F16.gguf': model, 'both.predictor.gguf': predictor } })
  expect(refusal(await online(['predictor', 'pull', 'hf:user/predictors']))).toMatch(
    /several predictors.*hf:user\/predictors\/b\.predictor\.gguf\.$/,
  )
  const pulled = await online(['predictor', 'pull', 'hf:user/predictors:b.predictor.gguf'])
  expect(pulled).toMatchObject({ code: 0, stderr: expect.stringMatching(/^A predictor of 256 x /m) as string })
  expect(readFileSync(pulled.stdout.trim()).equals(predictor)).toBe(true)

  const run = ['run', '--json', '--max-tokens', '5', shortProblem.question]
  const named = await online([...run, '--offline', '-m', tinyF16, '--predictor', 'hf:user/predictors:b.predictor.gguf'])
  expect(parseRecord(named.stdout)).toMatchObject({
    cache: { policy: 'dynts-diverse' },
    predictor: { path: pulled.stdout.trim() },
  })
  const beside = await online([...run, '-m', 'user/both-GGUF:F16'])
  expect(parseRecord(beside.stdout)).toMatchObject({
    cache: { policy: 'dynts-diverse' },
    predictor: { path: expect.stringMatching(/both\.predictor\.gguf$/) as string },
  })
  expect(refusal(await online([...run, '-m', tinyF16, '--predictor', 'hf:user/predictors:Q8_0']))).toMatch(
    /does not name a predictor on the Hub/,
  )
})

test('calibrations from a Hub: pulled, named, and beside a model', async () => {
  const calibration = readFileSync(tinyF16.replace(/\.gguf$/, '.calibration.gguf'))
  const names = ['a.calibration.gguf', 'b.calibration.gguf']
  const commit = 'c0ffee00'.repeat(5)
  hub.repos.set('user/calibrations', { commit, files: Object.fromEntries(names.map((name) => [name, calibration])) })
  hub.repos.set('user/calibrated-GGUF', { commit, files: { 'm-F16.gguf': model, 'm.calibration.gguf': calibration } })
  expect(refusal(await online(['calibrate', 'pull', 'hf:user/calibrations']))).toMatch(/several calibrations/)
  const pulled = await online(['calibrate', 'pull', 'hf:user/calibrations:b.calibration.gguf'])
  expect(pulled).toMatchObject({ code: 0, stderr: expect.stringMatching(/^A calibration of 6 layers for /m) as string })
  expect(readFileSync(pulled.stdout.trim()).equals(calibration)).toBe(true)

  copyFileSync(tinyF16, join(scratch, 'uncalibrated.gguf'))
  const run = ['run', '--json', '--policy', 'tri', '--max-tokens', '5', shortProblem.question]
  const own = [...run, '-m', join(scratch, 'uncalibrated.gguf')]
  expect(refusal(await online(own))).toMatch(/policy tri needs a calibration/)
  const named = await online([...own, '--offline', '--calibration', 'hf:user/calibrations:b.calibration.gguf'])
  expect(parseRecord(named.stdout)).toMatchObject({ cache: { policy: 'tri' } })
  const beside = await online([...run, '-m', 'user/calibrated-GGUF:F16'])
  expect(parseRecord(beside.stdout)).toMatchObject({ cache: { policy: 'tri' } })
})
