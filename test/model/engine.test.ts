/**
 * The package as its users import it: dist/, with the engine in its worker thread.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Engine, loadModel, type GenerateEvent, type GenerateRequest, type Model } from 'dynts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { importanceOracle, tinyF16, tinyPredictor } from '../oracle.ts'
import { gatedPolicy } from '../support/gated-policy.ts'

let model: Model
let engine: Engine
const folder = mkdtempSync(join(tmpdir(), 'dynts-engine-'))
const trace = importanceOracle().traces[0]!
const question = { tokens: trace.tokens.slice(0, trace.promptTokens) }
const bounded = { prompt: question, budget: 200, localWindow: 32, ratio: 0.5 }
let gates = 0

/**
 * A generation that stands still at its first eviction, after 80 tokens and more, until the gate is opened: what was said to
 * the engine before that, it reads before it goes on.
 */
function gated() {
  const { policy, isReached, open } = gatedPolicy(folder, String(++gates))
  const request: GenerateRequest = { ...bounded, policy, replay: trace.tokens.slice(trace.promptTokens) }
  return { request, isReached, open }
}

beforeAll(async () => {
  model = await loadModel('tiny', { threads: 1, gpu: 'off' })
  engine = await Engine.create(model, { cells: 512, sequences: 2 })
})
afterAll(async () => {
  await engine.close()
  await model.close()
  rmSync(folder, { recursive: true })
})

async function collect(generation: AsyncIterable<GenerateEvent>): Promise<GenerateEvent[]> {
  const events: GenerateEvent[] = []
  for await (const event of generation) events.push(event)
  return events
}

describe('an engine that reads attention', () => {
  const request = { ...bounded, policy: 'snapkv', maxTokens: 120 }

  test('runs policies that need it, and others; plan tells which do', async () => {
    await using reading = await Engine.create(model, { cells: 256, sequences: 2, attention: true })
    const policies = ['snapkv', 'r-kv', 'dynts', 'knorm']
    const results = await Promise.all(policies.map((policy) => reading.complete({ ...request, policy })))
    expect(results.map(({ cache }) => [cache.policy, cache.peakCells])).toEqual(policies.map((name) => [name, 200]))
    const plans = await Promise.all(policies.map((policy) => model.plan({ ...request, policy })))
    expect(plans.map(({ attention }) => attention)).toEqual([true, true, false, false])
  })

  test('without it such a policy is refused, saying how to make one; nothing else is disturbed', async () => {
    const other = engine.complete({ ...bounded, maxTokens: 60 })
    await expect(engine.complete(request)).rejects.toMatchObject({
      name: 'InputError',
      code: 'attention_not_read',
      message: expect.stringContaining('Engine.create(model, { attention: true })') as string,
    })
    expect((await other).finishReason).toBe('length')
  })

  test('not with a q8_0 cache or flash attention', async () => {
    for (const options of [{ kvType: 'q8_0' }, { flashAttention: true }] as const) {
      const created = Engine.create(model, { cells: 256, attention: true, ...options })
      await expect(created).rejects.toMatchObject({ name: 'InputError', code: 'invalid_context' })
    }
  })

  test("a user's policy from a file; one that fails ends only its own generation", async () => {
    const file = join(folder, 'failing.mjs')
    writeFileSync(
      file,
      `export default { name: 'failing', create: (_, { seed }) => ({
        score: (candidates) => { if (seed === 1) throw new Error('no'); return new Float32Array(candidates.length) },
      }) }`,
    )
    const [ends, fails] = await Promise.allSettled(
      [0, 1].map((seed) => engine.complete({ ...bounded, policy: file, seed, maxTokens: 150 })),
    )
    expect(ends).toMatchObject({ status: 'fulfilled', value: { cache: { policy: 'failing' } } })
    expect(fails).toMatchObject({ status: 'rejected', reason: { name: 'InputError', code: 'policy_failed' } })
    await expect(engine.complete({ ...bounded, policy: './nowhere.ts' })).rejects.toMatchObject({
      code: 'policy_not_loaded',
    })
  })

  test('a policy may print, and what it throws in a timer or a promise ends its own generations only', () => {
    const file = join(folder, 'timers.mjs')
    writeFileSync(
      file,
      `export default { name: 'timers', create: (_, { seed }) => {
        console.log('printed')
        process.stdout.write('written\\n')
        if (seed === 1) setTimeout(() => { throw new Error('too late') }, 1)
        if (seed === 2) Promise.reject(new Error('too late'))
        return { score: (candidates) => new Float32Array(candidates.length) }
      } }`,
    )
    const text = `
      import { Engine, loadModel } from 'dynts'
      const model = await loadModel('tiny', { threads: 1, gpu: 'off' })
      const engine = await Engine.create(model, { cells: 512, sequences: 4 })
      const request = { prompt: { messages: [{ role: 'user', content: 'Ava has 3 coins.' }] }, budget: 200, localWindow: 20 }
      const policy = ${JSON.stringify(file)}
      const all = await Promise.allSettled([0, 1, 2].map((seed) => engine.complete({ ...request, seed, policy, maxTokens: 400 })))
      console.log(JSON.stringify(all.map(({ status, reason }) => [status, reason?.code, reason?.message.split('failed: ')[1]])))
      console.log((await engine.complete({ ...request, maxTokens: 5 })).usage.promptTokens > 0)
      await model.close()`
    const { status, stdout, stderr } = runProgram(text)
    const [results = '', goesOn] = stdout.trim().split('\n')
    expect({ status, goesOn, stderr }).toMatchObject({ status: 0, goesOn: 'true' })
    const late = 'in a timer or a promise: too late'
    expect((JSON.parse(results) as unknown[]).slice(1)).toEqual([
      ['rejected', 'policy_failed', late],
      ['rejected', 'policy_failed', late],
    ])
    expect(stderr.match(/printed|written/g)).toHaveLength(6)
  }, 120_000)
})

describe('a generation', () => {
  test('gives its events in order and the result of the last one', async () => {
    const generation = engine.generate({ ...bounded, seed: 1, maxTokens: 150 })
    const events = await collect(generation)
    const result = await generation.result
    expect(events[0]).toMatchObject({
      type: 'start',
      policy: 'dynts-diverse',
      promptTokens: trace.promptTokens,
      budget: 200,
    })
    expect(events[1]).toEqual({ type: 'phase', phase: 'thinking' })
    expect(events.at(-1)).toEqual({ type: 'finish', result })
    const text = events.map((event) => (event.type === 'token' ? event.text : '')).join('')
    expect(text.trim()).toBe(`${result.thinking}${result.answer}`.trim())
    const { promptTokens, thinkingTokens, answerTokens } = result.usage
    expect(result.tokens).toHaveLength(promptTokens + thinkingTokens + answerTokens)
    expect(result.cache).toMatchObject({ peakCells: 200, budget: 200 })
    expect(events.filter(({ type }) => type === 'eviction')).toHaveLength(result.cache.evictions)
    expect(result.cache.evictions).toBeGreaterThan(1)
    // 6 layers, keys and values, 2 heads of 64, 2 bytes.
    expect(result.cache.bytesPerCell).toBe(6 * 2 * 2 * 64 * 2)
    expect(result.cache.peakBytes).toBe(200 * result.cache.bytesPerCell)
  })

  test('a problem is solved, and the answer is the right one', async () => {
    const { question: prompt, answer } = JSON.parse(
      readFileSync(fileURLToPath(new URL('../../models/tiny/problems/test.jsonl', import.meta.url)), 'utf8').split(
        '\n',
      )[0]!,
    ) as { question: string; answer: number }
    const result = await engine.complete({
      prompt: { messages: [{ role: 'user', content: prompt }] },
      budget: 320,
      localWindow: 32,
      ratio: 0.5,
      sampling: { temperature: 0 },
      maxTokens: 1000,
    })
    expect(result.finishReason).toBe('stop')
    expect(result.answer).toContain(`\\boxed{${answer}}`)
  })

  test('leaving the iteration cancels it', async () => {
    const { request, open } = gated()
    const generation = engine.generate(request)
    for await (const event of generation) if (event.type === 'token') break
    open()
    const result = await generation.result
    expect(result.finishReason).toBe('cancelled')
    expect(result.tokens.length).toBeLessThan(trace.tokens.length)
  })

  test('a signal cancels it: beforehand, while it runs, and not after its end', async () => {
    const before = gated()
    const cancelled = engine.complete(before.request, { signal: AbortSignal.abort() })
    before.open()
    expect((await cancelled).finishReason).toBe('cancelled')
    const controller = new AbortController()
    const while20 = gated()
    const generation = engine.generate(while20.request, { signal: controller.signal })
    let seen = 0
    for await (const event of generation) {
      if (event.type !== 'token' || ++seen !== 20) continue
      controller.abort()
      while20.open()
    }
    expect((await generation.result).finishReason).toBe('cancelled')
    expect(seen).toBeGreaterThanOrEqual(20)
    const late = new AbortController()
    const done = await engine.complete({ ...bounded, maxTokens: 3 }, { signal: late.signal })
    late.abort()
    expect(done.finishReason).toBe('length')
  })

  test('many with one signal: all are cancelled, and Node warns of nothing', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error) => warnings.push(warning)
    process.on('warning', onWarning)
    const controller = new AbortController()
    const gate = gated()
    const results = Array.from({ length: 12 }, () => engine.complete(gate.request, { signal: controller.signal }))
    controller.abort()
    gate.open()
    expect((await Promise.all(results)).map(({ finishReason }) => finishReason)).toEqual(Array(12).fill('cancelled'))
    await new Promise(setImmediate)
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
  })

  test('two at once, and a third that waits, all come to their end', async () => {
    const results = await Promise.all([1, 2, 3].map((seed) => engine.complete({ ...bounded, seed, maxTokens: 40 })))
    expect(results.map(({ seed, finishReason, tokens }) => [seed, finishReason, tokens.length])).toEqual(
      [1, 2, 3].map((seed) => [seed, 'length', trace.promptTokens + 40]),
    )
  })

  test('the main thread goes on while it computes: only that one can open the gate', async () => {
    const { request, isReached, open } = gated()
    const running = engine.complete(request)
    while (!isReached()) await sleep(2)
    open()
    const { finishReason, cache } = await running
    expect(finishReason).toBe('stop')
    expect(cache.evictions).toBeGreaterThan(1)
  })
})

describe('what is refused', () => {
  const wrong: [string, GenerateRequest][] = [
    ['unknown_policy', { ...bounded, policy: 'h3o' }],
    ['invalid_ratio', { ...bounded, ratio: 2 }],
    ['cache_too_small', { ...bounded, budget: 600 }],
    ['cache_too_small', { prompt: question, policy: 'full', maxTokens: 1000 }],
    ['prompt_too_long', { ...bounded, budget: trace.promptTokens + 20 }],
    ['invalid_request', { ...bounded, policyOptions: { sinks: () => 4 } }],
  ]
  test.each(wrong)('%s: when it is awaited and when it is iterated', async (code, request) => {
    await expect(engine.complete(request)).rejects.toMatchObject({ name: 'InputError', code })
    await expect(collect(engine.generate(request))).rejects.toMatchObject({ name: 'InputError', code })
  })

  test('a policy that needs a predictor, without one', async () => {
    const bare = await loadModel(tinyF16, { threads: 1, gpu: 'off', predictor: false })
    const small = await Engine.create(bare, { cells: 256 })
    expect(bare.predictor).toBeUndefined()
    await expect(small.complete({ ...bounded, policy: 'dynts' })).rejects.toMatchObject({ code: 'missing_predictor' })
    const { cache } = await small.complete({ ...bounded, maxTokens: 3 })
    expect(cache.policy).toBe('question-window')
    await bare.close()
  })

  test('a predictor of another model, before the model is loaded', async () => {
    const other = join(folder, 'other.predictor.gguf')
    const bytes = readFileSync(tinyPredictor)
    const at = bytes.lastIndexOf('qwen2')
    expect(at).toBeGreaterThan(0)
    bytes.write('llama', at)
    writeFileSync(other, bytes)
    await expect(loadModel(tinyF16, { predictor: other })).rejects.toMatchObject({
      name: 'InputError',
      code: 'predictor_mismatch',
      message: expect.stringMatching(/llama.*qwen2/) as string,
    })
    await expect(loadModel(tinyF16, { predictor: join(folder, 'none.gguf') })).rejects.toMatchObject({
      code: 'predictor_not_found',
    })
    await expect(loadModel(tinyF16, { predictor: tinyF16 })).rejects.toMatchObject({ code: 'not_a_predictor' })
  })

  test('an engine of impossible size', async () => {
    for (const options of [{ cells: 0 }, { sequences: 0 }, { cells: 1.5 }, { sequences: 100_000 }]) {
      await expect(Engine.create(model, options)).rejects.toMatchObject({ name: 'InputError', code: 'invalid_context' })
    }
  })
})

test('tokens of a text', async () => {
  expect([...(await model.tokenize(trace.prompt))]).toEqual(question.tokens)
  expect([...(await model.tokenize(''))]).toEqual([])
  expect((await model.tokenize('</think>')).length).toBe(1)
})

describe('loading', () => {
  const options = { threads: 1, gpu: 'off', predictor: false } as const

  test('what onProgress throws is what loadModel rejects with', async () => {
    const onProgress = () => {
      throw new RangeError('no more')
    }
    await expect(loadModel('tiny', { ...options, onProgress })).rejects.toThrow(new RangeError('no more'))
    expect([...(await model.tokenize(''))]).toEqual([])
  })

  test('wrong options are refused before anything is loaded', async () => {
    const wrong = [{ signal: {} }, { threads: 0 }, { threads: NaN }, { thread: 1 }, { gpuLayers: -1 }]
    for (const one of wrong) {
      const loading = loadModel('tiny', { ...options, ...one } as never)
      await expect(loading).rejects.toMatchObject({ name: 'InputError', code: 'invalid_option' })
    }
    await expect(loadModel(undefined as never)).rejects.toMatchObject({ code: 'invalid_option' })
    await expect(Engine.create(model, { cell: 5 } as never)).rejects.toMatchObject({ code: 'invalid_context' })
    const generation = engine.generate(bounded, { signal: {} } as never)
    await expect(generation.result).rejects.toMatchObject({ code: 'invalid_option' })
  })
})

describe('closing', () => {
  test('an engine ends what runs and what waits, as cancelled; twice is allowed; afterwards it says that it is closed', async () => {
    const own = await Engine.create(model, { cells: 256 })
    const { request, open } = gated()
    const generations = [own.generate(request), own.generate(request)]
    await generations[0]![Symbol.asyncIterator]().next()
    const closing = Promise.all([own.close(), own.close()])
    open()
    await closing
    await own.close()
    for (const generation of generations) expect((await generation.result).finishReason).toBe('cancelled')
    const closed = { name: 'EngineError', code: 'engine_closed', message: 'the engine is closed' }
    await expect(own.complete(bounded)).rejects.toMatchObject(closed)
    const late = own.generate(bounded)
    await expect(late.result).rejects.toMatchObject(closed)
    await expect(collect(late)).rejects.toMatchObject(closed)
  })

  test('a model ends what runs on it, too', async () => {
    const own = await loadModel('tiny', { threads: 1, gpu: 'off' })
    const ownEngine = await Engine.create(own, { cells: 256 })
    const { request, open } = gated()
    const generations = [ownEngine.generate(request), ownEngine.generate(request)]
    await generations[0]![Symbol.asyncIterator]().next()
    const closing = own.close()
    open()
    await closing
    await own.close()
    for (const generation of generations) expect((await generation.result).finishReason).toBe('cancelled')
    const closed = { name: 'EngineError', code: 'model_closed', message: 'the model is closed' }
    await expect(ownEngine.complete(bounded)).rejects.toMatchObject({ name: 'EngineError', code: 'engine_closed' })
    await expect(Engine.create(own)).rejects.toMatchObject(closed)
    await expect(own.tokenize('a')).rejects.toMatchObject(closed)
    await expect(own.plan(bounded)).rejects.toMatchObject(closed)
    await ownEngine.close()
    // The others go on.
    expect((await engine.complete({ ...bounded, maxTokens: 3 })).finishReason).toBe('length')
  })

  const program = (last: string) => `
    import { Engine, loadModel } from 'dynts'
    const model = await loadModel('tiny', { threads: 1, gpu: 'off' })
    const engine = await Engine.create(model, { cells: 512 })
    const request = { prompt: { messages: [{ role: 'user', content: 'Ava has 3 coins.' }] }, maxTokens: 5 }
    console.log((await engine.complete(request)).usage.promptTokens > 0)
    ${last}`
  test.each([
    ['after it has closed everything', 'await engine.close(); await model.close()', 0],
    ['without closing anything', '', 0],
    ['while a generation runs that nobody waits for, and is cancelled', 'engine.generate(request).cancel()', 0],
    ['when it throws', "throw new Error('the program broke')", 1],
    ['after a request that is not plain data', 'engine.generate({ ...request, stop: [() => 1] })', 0],
  ])('a program ends by itself %s', { timeout: 120_000 }, (_when, last, expected) => {
    const { status, signal, stdout } = runProgram(program(last))
    expect({ status, signal, stdout }).toEqual({ status: expected, signal: null, stdout: 'true\n' })
  })
})

/** Runs a program that uses the library, in a process of its own. */
function runProgram(text: string) {
  return spawnSync(process.execPath, ['--input-type=module', '-e', text], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    encoding: 'utf8',
    timeout: 100_000,
  })
}
