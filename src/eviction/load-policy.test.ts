import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { createPolicy, protectionOf, queriesOf } from './check-policy.ts'
import { isPolicyFile, loadPolicy } from './load-policy.ts'
import { describePolicyContract } from './policy.contract.ts'
import { parsePolicyOptions, resolvePolicy } from './registry.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-policy-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0

function write(text: string, extension = 'ts'): string {
  const path = join(folder, `policy-${++files}.${extension}`)
  writeFileSync(path, text)
  return path
}

/** The first policy of the documentation. */
function documented(): string {
  const page = readFileSync(new URL('../../docs/adding-a-policy.md', import.meta.url), 'utf8')
  const block = /```ts\n(import \{ definePolicy \}.*?)```/s.exec(page)?.[1]
  if (block === undefined) throw new Error('docs/adding-a-policy.md has no policy')
  return block
}

const context = { promptCells: 1, seed: 0, vocabulary: { bos: -1, textOf: () => '' } }
const scoreOf = (path: string, candidates: number[]) => {
  const definition = loadPolicy(path)
  const positions = Int32Array.from(candidates)
  return [
    ...createPolicy(definition, parsePolicyOptions(definition, {}), context).score(positions, {
      held: positions,
      leaving: 1,
    }),
  ]
}

describe('the policy of docs/adding-a-policy.md', () => {
  const path = write(documented())

  test('has ten lines, and does what it says', () => {
    expect(documented().trim().split('\n').length).toBeLessThanOrEqual(10)
    expect(scoreOf(path, [4, 5, 6, 7])).toEqual([4, 5 - 1e6, 6, 7 - 1e6])
  })

  describePolicyContract(loadPolicy(path))
})

describe('a policy file', () => {
  test.each(['./a.ts', 'a.js', '/tmp/x', 'dir/x', 'file:///x', 'a.mjs', 'C:\\x', '.\\x.cts'])(
    '%s is one',
    (reference) => {
      expect(isPolicyFile(reference)).toBe(true)
    },
  )
  test.each(['dynts', 'h2o', 'r-kv', 'streaming-llm', 'ts'])('%s is none', (reference) => {
    expect(isPolicyFile(reference)).toBe(false)
  })

  test('by an absolute path, a relative one and an address', () => {
    const path = write(documented())
    for (const reference of [path, `./${relative('.', path)}`, pathToFileURL(path).href]) {
      expect(resolvePolicy(reference)).toMatchObject({ name: 'every-other', file: path, evicts: true })
    }
  })

  test.each([
    [
      'ts',
      'const one: number = 1\nexport default { name: "plain", create: () => ({ score: () => Float32Array.of(one) }) }',
    ],
    ['js', 'export default { name: "plain", create: () => ({ score: () => Float32Array.of(1) }) }'],
    ['mjs', 'export default { name: "plain", create: () => ({ score: () => Float32Array.of(1) }) }'],
    ['cjs', 'module.exports = { name: "plain", create: () => ({ score: () => Float32Array.of(1) }) }'],
  ])('in .%s without definePolicy', (extension, text) => {
    const path = write(text, extension)
    expect(scoreOf(path, [9])).toEqual([1])
    const definition = loadPolicy(path)
    expect(protectionOf(definition, {})).toEqual({ question: true, localWindow: true, answer: true })
    expect([definition.summary, queriesOf(definition, {})]).toEqual(['plain', 0])
  })

  test('imports of its own, types of dynts, and an option', () => {
    writeFileSync(join(folder, 'helper.ts'), 'export const twice = (x: number): number => 2 * x')
    const path = write(`
      import { definePolicy, type DecodeStep } from 'dynts'
      import { z } from 'zod'
      import { twice } from './helper.ts'
      class Seen { last = 0; observe = (step: DecodeStep) => { this.last = step.position } }
      export default definePolicy({
        name: 'with-option',
        needs: ['attention'],
        options: z.object({ share: z.number().default(3).describe('x'), looksAt: z.int().default(5) }),
        queries: ({ looksAt }) => looksAt,
        protects: ({ share }) => ({ question: share > 3, localWindow: true, answer: false }),
        create: ({ share }) => {
          const seen = new Seen()
          return { observe: seen.observe, score: (candidates) => Float32Array.from(candidates, (p) => twice(p) * share) }
        },
      })`)
    const definition = loadPolicy(path)
    expect(scoreOf(path, [1, 2])).toEqual([6, 12])
    const options = parsePolicyOptions(definition, { share: '4', looksAt: 7 })
    expect(protectionOf(definition, options)).toEqual({ question: true, localWindow: true, answer: false })
    expect(queriesOf(definition, options)).toBe(7)
    expect(() => parsePolicyOptions(definition, { other: 1 })).toThrow('its options: `share`, `looksAt`')
  })

  test('is run again only when it has changed', () => {
    const text = (value: number) =>
      `export default { name: 'plain', create: () => ({ score: () => Float32Array.of(${value}) }) }`
    const path = write(text(1))
    expect(loadPolicy(path)).toBe(loadPolicy(path))
    writeFileSync(path, text(2))
    utimesSync(path, new Date(), new Date(Date.now() + 5000))
    expect(scoreOf(path, [1])).toEqual([2])
  })

  const create = 'create: () => ({ score: () => new Float32Array() })'
  test.each([
    ['export default 3', 'its default export is no policy'],
    ['export const x = 3', 'name: '],
    ['', 'name: '],
    [`export default { ${create} }`, 'name: '],
    [`export default { name: 'Mine', ${create} }`, 'name: it must be lower-case words'],
    [`export default { name: 'mine' }`, 'create: it must be a function'],
    [
      `export default { name: 'mine', needs: ['atention'], ${create} }`,
      'needs: it may have hidden-state, entropy, attention, keys, values',
    ],
    [`export default { name: 'mine', needs: 'attention', ${create} }`, 'needs: it must be an array or a Set'],
    [`export default { name: 'mine', queries: 0, ${create} }`, 'queries: '],
    [
      `export default { name: 'mine', protects: { question: true }, ${create} }`,
      'protects.localWindow: it must be true or false',
    ],
    [`export default { name: 'mine', protect: { question: true }, ${create} }`, '"protect". Did you mean protects?'],
    [`export default { name: 'mine', summery: 'a', ${create} }`, '"summery". Did you mean summary?'],
    [`export default { name: 'mine', protects: null, ${create} }`, 'protects: it must be an object'],
    [
      `export default { name: 'mine', protects: { question: true, localWindow: true, answer: true, sink: 4 }, ${create} }`,
      'protects: there is no field "sink". Did you mean sinks?',
    ],
    [
      `import { definePolicy } from 'dynts'\nexport default definePolicy({ name: 'mine', protect: {}, ${create} })`,
      '.ts: there is no field "protect". Did you mean protects?',
    ],
    [`export default { get name() { throw new Error('oh') }, ${create} }`, 'oh'],
    [`export default new Proxy({}, { get() { throw Object.create(null) } })`, 'it threw something that has no text'],
    [`export default { name: 'mine', options: { a: 1 }, ${create} }`, 'options: it must be a z.object'],
    [
      `import { z } from 'zod'\nexport default { name: 'mine', options: z.object({ a: z.array(z.int()) }), ${create} }`,
      'options may be numbers, strings and booleans only',
    ],
    [`export default { name: 'dynts', ${create} }`, 'the name "dynts" is taken'],
    ['export default {', 'cannot be run: Error: ParseError'],
    [`throw new Error('no luck')`, 'cannot be run: Error: no luck'],
    [`import { x } from './nowhere.ts'\nexport default { name: 'mine', create: x }`, 'cannot be run: '],
  ])('%s is refused', (text, message) => {
    const path = write(text)
    let error: unknown
    try {
      resolvePolicy(path)
    } catch (caught) {
      error = caught
    }
    expect(error).toMatchObject({ name: 'InputError', code: 'policy_not_loaded' })
    expect((error as Error).message).toContain(message)
    expect((error as Error).message.split('\n')).toHaveLength(1)
  })

  test.each([
    ['cjs', 'module.exports = '],
    ['mjs', 'export default '],
  ])('a .%s file is run again when it has changed', (extension, exports) => {
    const text = (value: number) =>
      `${exports}{ name: 'plain', create: () => ({ score: () => Float32Array.of(${value}) }) }`
    const path = write(text(1), extension)
    expect(scoreOf(path, [1])).toEqual([1])
    writeFileSync(path, text(22))
    expect(scoreOf(path, [1])).toEqual([22])
  })

  test.each([
    ['ts', 'export const value = '],
    ['cjs', 'exports.value = '],
    ['json', ''],
  ])('and when a .%s file that it imports has, directly or not', (extension, prefix) => {
    const deep = join(folder, `deep-${extension}.${extension}`)
    const set = (value: number) => {
      writeFileSync(deep, extension === 'json' ? `{ "value": ${value} }` : `${prefix}${value}`)
    }
    set(1)
    writeFileSync(join(folder, `middle-${extension}.ts`), `export { value } from './deep-${extension}.${extension}'`)
    const path = write(`import { value } from './middle-${extension}'
      export default { name: 'plain', create: () => ({ score: () => Float32Array.of(value) }) }`)
    expect(scoreOf(path, [1])).toEqual([1])
    const { hash } = loadPolicy(path)
    set(22)
    expect(scoreOf(path, [1])).toEqual([22])
    expect(loadPolicy(path).hash).not.toBe(hash)
  })

  test('a file that is not there, a folder, or an address of nothing here', () => {
    const missing: unknown = expect.objectContaining({
      code: 'policy_not_loaded',
      message: expect.stringContaining('There is no policy file') as string,
    })
    expect(() => resolvePolicy(join(folder, 'none.ts'))).toThrow(missing)
    expect(() => resolvePolicy(folder)).toThrow(missing)
    expect(() => resolvePolicy('file://elsewhere/mine.ts')).toThrow(missing)
  })
})

describe('a policy that fails', () => {
  const step = { position: 7, token: 0 }
  function failing(body: string): () => unknown {
    const definition = loadPolicy(write(`export default { name: 'mine', needs: ['attention'], ${body} }`))
    return () => {
      protectionOf(definition, {})
      queriesOf(definition, {})
      const policy = createPolicy(definition, {}, context)
      policy.observe?.(step)
      return policy.score(Int32Array.of(4, 5), { held: Int32Array.of(4, 5), leaving: 1 })
    }
  }
  const score = (expression: string) => `create: () => ({ score: (candidates) => ${expression} })`

  test.each([
    [`create: () => { throw new Error('oh') }`, 'create: oh'],
    [`create: () => { throw 'text' }`, 'create: text'],
    ['create: () => undefined', 'create must give an object with a score function'],
    ['create: async () => ({ score: () => 1 })', 'create: it gave a promise, but the engine does not wait'],
    ['create: () => ({ score: 1 })', 'create must give an object with a score function'],
    [`create: () => ({ observe() { throw new Error('oh') }, score() {} })`, 'observe, position 7: oh'],
    [score(`(() => { throw new Error('oh') })()`), 'score: oh'],
    [score('candidates.map((position) => position / 2)'), 'score must give a Float32Array'],
    [score('[1, 2]'), 'score must give a Float32Array'],
    [score('Promise.resolve(new Float32Array(2))'), 'score: it gave a promise'],
    [score('undefined'), 'score must give a Float32Array'],
    [score('new Float32Array(3)'), 'score gave 3 scores for 2 candidates'],
    [score('Float32Array.of(1, NaN)'), 'the score of position 5 is NaN'],
    [score('Float32Array.of(Infinity, 0)'), 'the score of position 4 is Infinity'],
    [`queries: () => NaN, ${score('new Float32Array(2)')}`, 'queries must be a number of at least 1'],
    [`protects: () => ({ question: true }), ${score('new Float32Array(2)')}`, 'protects must give { question'],
    [`protects: () => undefined, ${score('new Float32Array(2)')}`, 'protects must give { question'],
    [`protects: () => { throw new Error('oh') }, ${score('new Float32Array(2)')}`, 'protects: oh'],
    [
      `protects: () => ({ question: true, localWindow: true, answer: true, sink: 4 }), ${score('1')}`,
      'there is no field "sink". Did you mean sinks?',
    ],
    [`protects: () => ({ get question() { throw new Error('oh') } }), ${score('1')}`, 'protects: oh'],
    [`create: () => ({ get score() { throw new Error('oh') } })`, 'create: oh'],
    [`create: () => ({ get observe() { throw new Error('oh') }, score() {} })`, 'create: oh'],
    [
      score('{ throw new Proxy({}, { getPrototypeOf() { throw 1 }, get() { throw 2 } }) }'),
      'score: it threw something that has no text',
    ],
    [`create: () => ({ score() {}, oberve() {} })`, 'create gave a function "oberve". Did you mean observe?'],
    [`create: () => new Proxy({}, { has() { throw new Error('oh') }, get() { throw new Error('oh') } })`, 'create: oh'],
    [score('{ throw Object.create(null) }'), 'score: it threw something that has no text'],
    [
      score('{ throw Object.defineProperty(new Error(), "message", { get() { throw 1 } }) }'),
      'score: it threw something that has no text',
    ],
    [score('Object.create(Float32Array.prototype)'), 'score: '],
    [score('new Proxy(new Float32Array(2), {})'), 'score: '],
    [score('new Float64Array(2)'), 'score must give a Float32Array'],
    [score('structuredClone(new Float32Array(2).buffer, { transfer: [] })'), 'score must give a Float32Array'],
    [
      score('{ const all = new Float32Array(2); structuredClone(all, { transfer: [all.buffer] }); return all }'),
      'score: ',
    ],
    [
      score('Object.defineProperty(new Float32Array(3), "length", { value: 2 })'),
      'score gave 3 scores for 2 candidates',
    ],
  ])('%s', (body, message) => {
    const run = failing(body)
    expect(run).toThrow(expect.objectContaining({ name: 'InputError', code: 'policy_failed' }))
    expect(run).toThrow(/^policy mine \(.*policy-\d+\.ts\) failed: /)
    expect(run).toThrow(message)
  })

  test.each([
    ['create', `create: async () => { throw new Error('oh') }`],
    ['observe, position 7', `create: () => ({ observe: async () => { throw new Error('oh') }, score() {} })`],
    ['score', score(`Promise.reject(new Error('oh'))`)],
  ])('%s that rejects later is no unhandled rejection, which would end the engine', async (where, body) => {
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    expect(failing(body)).toThrow(`failed: ${where}: it gave a promise`)
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })

  test('a check or a transform of an option that throws', () => {
    const option = `z.number().default(1).transform(() => { throw new Error('oh') })`
    const path = write(`import { z } from 'zod'
      export default { name: 'mine', options: z.object({ a: ${option} }), ${score('1')} }`)
    expect(() => parsePolicyOptions(loadPolicy(path), {})).toThrow(
      expect.objectContaining({ code: 'policy_failed', message: `policy mine (${path}) failed: options: oh` }),
    )
  })

  test('what it prints goes to stderr', () => {
    const print = (text: string) => `process.stdout.write('${text}')`
    const path = write(`${print('loaded ')}
      export default { name: 'mine', protects() { ${print('asked')}; return { question: true, localWindow: true, answer: true } },
        ${score('1')} }`)
    const toStdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    const toStderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    protectionOf(loadPolicy(path), {})
    const [out, err] = [toStdout, toStderr].map(({ mock }) => mock.calls.map(([text]) => String(text)).join(''))
    vi.restoreAllMocks()
    expect(out).toBe('')
    expect(err).toBe('loaded asked')
  })

  test('what it does to its arguments stays with it', () => {
    const body = `create: () => ({ score(candidates, { held }) {
      candidates.fill(99)
      held.fill(99)
      return Float32Array.of(1, 2)
    } })`
    const policy = createPolicy(loadPolicy(write(`export default { name: 'mine', ${body} }`)), {}, context)
    const [candidates, held] = [Int32Array.of(4, 5), Int32Array.of(4, 5, 6)]
    policy.score(candidates, { held, leaving: 1 })
    expect([[...candidates], [...held]]).toEqual([
      [4, 5],
      [4, 5, 6],
    ])
  })

  test('what it keeps, and writes to later, is its own', () => {
    const file = write(`export default {
      name: 'mine', needs: ['hidden-state', 'attention', 'keys', 'values'],
      create: (_, { importance }) => ({
        observe: (step) => {
          importance.push(step.position, step.hiddenState)
          for (const kept of [step.hiddenState, step.attention.positions, step.attention.weights]) kept.fill(99)
        },
        score(candidates, { keys, values }) {
          keys.positions.fill(99)
          values.positions.fill(99)
          for (const one of [keys, values]) {
            for (const layer of [...one.layers(), ...one.channels([1])]) layer.fill(99)
          }
          keys.products(Float32Array.of(1, 0), Float32Array.of(1, 0)).fill(99)
          Object.assign(globalThis, { keptKeys: keys, keptValues: values })
          globalThis.keptScores = new Float32Array(candidates.length)
          return globalThis.keptScores
        },
      }),
    }`)
    const pushed: number[][] = []
    const importance = {
      push: (_: number, hiddenState: Float32Array) => pushed.push([...hiddenState]),
      scores: (positions: Int32Array) => new Float32Array(positions.length),
    }
    const policy = createPolicy(loadPolicy(file), {}, { ...context, importance })
    const hiddenState = Float32Array.of(1, 2)
    const attention = { positions: Int32Array.of(0, 1), weights: Float32Array.of(0.5, 0.25) }
    policy.observe?.({ position: 1, token: 0, hiddenState, attention })
    expect([...hiddenState, ...attention.positions, ...attention.weights]).toEqual([1, 2, 0, 1, 0.5, 0.25])
    expect(pushed).toEqual([[1, 2]])

    const [layer, product] = [Float32Array.of(1, 2, 3, 4), Float32Array.of(5)]
    const values = { positions: Int32Array.of(0, 1), headSize: 2, layers: () => [layer], channels: () => [layer] }
    const keys = { ...values, products: () => product, directions: () => ({ lengths: product, sum: product }) }
    const scores = policy.score(Int32Array.of(0), { held: Int32Array.of(0, 1), leaving: 1, keys, values })
    const { keptKeys, keptValues, keptScores } = globalThis as unknown as {
      keptKeys: typeof keys
      keptValues: typeof values
      keptScores: Float32Array
    }
    keptScores.fill(NaN)
    expect([...scores, ...keys.positions, ...layer, ...product]).toEqual([0, 0, 1, 1, 2, 3, 4, 5])
    const over = 'keys can be read during the call of score only'
    expect(() => [...keptKeys.layers()]).toThrow(over)
    for (const compute of [keptKeys.products, keptKeys.directions]) expect(() => compute()).toThrow(over)
    for (const read of [keptValues.layers, keptValues.channels])
      expect(() => [...read()]).toThrow(over.replace('keys', 'values'))
  })

  test.each([
    ['importance.push(NaN, new Float32Array(2))', 'NaN is not a position'],
    ['importance.push(-1, new Float32Array(2))', '-1 is not a position'],
    ['importance.push(1e12, new Float32Array(2))', '1000000000000 is not a position'],
    [
      'importance.push(0, new Float32Array(2)), importance.push(1, new Float32Array(1))',
      'a hidden state has 2 values, not 1',
    ],
  ])('%s is its failure', (call, message) => {
    const file = write(`export default { name: 'mine', needs: ['hidden-state'],
      create: (_, { importance }) => ({ observe() { ${call} }, score: () => new Float32Array(1) }) }`)
    const importance = { push: () => undefined, scores: () => new Float32Array() }
    const policy = createPolicy(loadPolicy(file), {}, { ...context, importance })
    expect(() => policy.observe?.(step)).toThrow(
      expect.objectContaining({ code: 'policy_failed', message: expect.stringContaining(message) as string }),
    )
  })

  test('minus infinity is a score', () => {
    expect(failing(score('Float32Array.of(-Infinity, 0)'))()).toEqual(Float32Array.of(-Infinity, 0))
  })
})
