/** Programs in their sandbox, as the built package runs them: honest ones, wrong ones, and hostile ones. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ProgramRunner } from '../../dist/evaluation/code/program-runner.js'
import { Grader } from '../../dist/evaluation/grading/grader.js'
import { judge } from '../../dist/evaluation/run/judge.js'
import { findTask } from '../../dist/index.js'
import { shippedPrograms } from '../../src/evaluation/tasks/shipped-problems.ts'
import { readLines } from '../../src/records/lines.ts'
import type { SandboxLimits } from '../../src/evaluation/code/sandbox.ts'

const runner = new ProgramRunner()
afterAll(() => runner.close())

// Node warns at the eleventh listener that is left behind; the programs here are more.
const leaks: string[] = []
const note = ({ name, message }: Error) => name === 'MaxListenersExceededWarning' && leaks.push(message)
process.on('warning', note)
afterAll(() => {
  process.off('warning', note)
  expect(leaks).toEqual([])
})
const ran = (program: string, check: string | null = null) => runner.run({ program, test: check })

describe('a program', () => {
  test('that passes its tests has ended', async () => {
    const add = 'function add(a, b) { return a + b }'
    expect(await ran(add, 'console.assert(add(1, 2) === 3)')).toMatchObject({ how: 'ended' })
    const deep =
      "const assert = require('node:assert'); assert.deepEqual([add(1, 1), { a: [add('x', 'y')] }], [2, { a: ['xy'] }])"
    expect(await ran(add, deep)).toMatchObject({ how: 'ended' })
    expect(
      await ran('const wait = async (x) => { await null; return x }', 'wait(2).then((x) => assert.equal(x, 2))'),
    ).toMatchObject({ how: 'ended' })
  })

  test.each([
    ['function add(a, b) { return a - b }', 'console.assert(add(1, 2) === 3)', /AssertionError/],
    ['function add(a, b) { return a - b }', 'assert.deepStrictEqual([add(1, 2)], [3])', /\[-1\] and \[3\]/],
    ['const wait = async (x) => { await null; return x }', 'wait(1).then((x) => assert.equal(x, 2))', /1 and 2/],
    ['new Promise(() => {})', '1', /waits for what never comes/],
    ['function (', '1', /SyntaxError/],
    ['1', 'missing()', /ReferenceError.*missing/],
    ['throw "a text"', '1', /a text/],
    ['throw { get message() { throw 1 } }', '1', /./],
  ])('%s, which %s finds wrong', async (program, check, message) => {
    const result = await ran(program, check)
    expect(result).toMatchObject({ how: 'threw', message: expect.stringMatching(message) as string })
  })

  test('tells what it prints', async () => {
    expect(await ran('console.log("a", 1, [1, 2], { x: null }); console.log()')).toEqual({
      how: 'ended',
      output: 'a 1 [1,2] {"x":null}\n\n',
    })
  })

  test('cannot change what its tests are judged by', async () => {
    const programs = [
      'console.assert = () => {}',
      'const console = { assert() {} }',
      'function console() {} console.assert = () => {}',
      'globalThis.eval = () => {}',
      'eval = () => {}',
      'const assert = {}, require = () => ({})',
      'console = { assert() {} }',
      'globalThis.console = { assert() {} }',
      'try { Object.defineProperty(globalThis, "console", { value: { assert() {} } }) } catch {}',
    ]
    for (const program of programs) expect(await ran(program, 'console.assert(false)')).toMatchObject({ how: 'threw' })
  })
})

describe('an answer', () => {
  const grader = new Grader()
  afterAll(() => grader.close())
  const judged = (answer: string, expected: object) =>
    judge({ answer, truncated: false, expected: JSON.stringify(expected), grading: 'code' }, grader)
  const check = {
    prompt: '// The larger one.\nfunction larger(a, b) {\n',
    test: 'function check(candidate) { assert.equal(candidate(1, 2), 2); assert.equal(candidate(2, 1), 2) }',
    entryPoint: 'larger',
  }
  const block = (code: string) => `So:\n\n\`\`\`js\n${code}\n\`\`\``

  test('is right if its program passes the tests, whole or as the rest of the question', async () => {
    const whole = 'const larger = (a, b) => (a > b ? a : b)'
    expect(await judged(block(whole), check)).toEqual({ answer: `${whole}\n`, right: true, graded: 'tests' })
    expect(await judged(block('  return Math.max(a, b)\n}'), check)).toMatchObject({ right: true })
    const wrong = await judged(block('const larger = (a) => a'), check)
    expect(wrong).toMatchObject({ right: false, graded: expect.stringMatching(/1 and 2/) as string })
    expect(await judged(' ', check)).toEqual({ answer: null, right: false, graded: 'no-answer' })
  })

  test('is right if its program prints what it has to', async () => {
    expect(await judged(block('console.log(1); console.log("a ")'), { output: '1\na' })).toMatchObject({ right: true })
    const other = await judged(block('console.log(2)'), { output: '1' })
    expect(other).toMatchObject({ right: false, graded: 'other output' })
  })
})

describe('the problems that come along', () => {
  const grader = new Grader()
  afterAll(() => grader.close())

  test('are solved by their solutions, and by nothing else that is as short', async () => {
    const { items } = await findTask('code').load({})
    const rows = [...readLines(shippedPrograms(), { missing: 'a', invalid: 'b' })].map(
      ({ text }) => JSON.parse(text) as { task_id: string; canonical_solution: string },
    )
    expect(items.map(({ id }) => id)).toEqual(rows.map(({ task_id }) => task_id))
    for (const [i, { id, expected }] of items.entries()) {
      const judged = async (program: string) =>
        await judge({ answer: `\`\`\`js\n${program}\n\`\`\``, truncated: false, expected, grading: 'code' }, grader)
      expect({ id, ...(await judged(rows[i]!.canonical_solution)) }).toMatchObject({ id, right: true })
      expect(await judged('return arguments[0]\n}')).toMatchObject({ right: false })
    }
  }, 240_000)
})

describe('a hostile program', () => {
  const small: SandboxLimits = { timeMs: 1500, memoryBytes: 16 << 20, outputCharacters: 10_000 }
  // What fills memory is not to be stopped by the clock of a busy machine.
  const patient = new ProgramRunner({ limits: { ...small, timeMs: 60_000 } })
  afterAll(() => patient.close())
  const strict = new ProgramRunner({ limits: small })
  afterAll(() => strict.close())
  const held = (program: string) => strict.run({ program, test: null })

  test.each<[string, string, RegExp]>([
    ['an endless loop', 'for (;;) {}', /^timed out$/],
    ['one that catches what stops it', 'for (;;) { try { for (;;) {} } catch {} }', /^timed out$/],
    ['one in a promise', 'const f = () => Promise.resolve().then(f); f()', /^timed out$/],
    ['one in a getter of its error', 'throw { get message() { for (;;) {} } }', /^(?:timed out|threw)$/],
    ['an expression that takes for ever', '/^(a+)+$/.test("a".repeat(40) + "b")', /^timed out$/],
    ['a memory bomb', 'const all = []; for (;;) all.push([1, 2, 3])', /^out of memory$/],
    ['a memory bomb of text', 'let text = "x"; for (;;) text += text', /^(?:out of memory|threw)$/],
    ['a buffer beyond all bounds', 'new ArrayBuffer(2 ** 31)', /^(?:out of memory|threw)$/],
    ['endless recursion', 'const f = () => f() + 1; f()', /^threw$/],
    ['a flood of output', 'for (;;) console.log("x".repeat(1000))', /^too much output$/],
    [
      'one that catches the flood’s end',
      'for (;;) { try { console.log("x".repeat(1000)) } catch {} }',
      /^too much output$/,
    ],
  ])('%s', async (_name, program, how) => {
    const limited = how.test('timed out') ? strict : patient
    expect((await limited.run({ program, test: null })).how).toMatch(how)
    // The next one is not worse off.
    expect(await held('console.log(1 + 1)')).toEqual({ how: 'ended', output: '2\n' })
  })

  const folder = mkdtempSync(join(tmpdir(), 'dynts-sandbox-'))
  const server = createServer()
  let connections = 0
  server.on('connection', (socket) => {
    connections++
    socket.destroy()
  })
  let port = 0
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    port = typeof address === 'object' && address ? address.port : 0
  })
  afterAll(() => {
    server.close()
    rmSync(folder, { recursive: true })
  })

  test('finds neither files, nor network, nor processes', async () => {
    const file = JSON.stringify(join(folder, 'mine'))
    const address = () => JSON.stringify(`http://127.0.0.1:${port}/`)
    const attempts = [
      `require('fs').writeFileSync(${file}, 'x')`,
      `require('node:child_process').execSync('touch ' + ${file})`,
      `await0 = import('node:fs').then((fs) => fs.writeFileSync(${file}, 'x'))`,
      `process.binding('fs')`,
      `globalThis.constructor.constructor('return process')().exit(0)`,
      `console.log.constructor('return process')().kill(1)`,
      `std.open(${file}, 'w')`,
      `os.exec(['touch', ${file}])`,
      `Deno.writeTextFileSync(${file}, 'x')`,
      `fetch(${address()})`,
      `new XMLHttpRequest().open('GET', ${address()})`,
      `new WebSocket(${address().replace('http', 'ws')})`,
      `require('net').connect(${port})`,
      `new Worker('x')`,
      `postMessage('x')`,
    ]
    for (const attempt of attempts) expect(await held(attempt), attempt).toMatchObject({ how: 'threw' })
    const names =
      'console.log(Object.getOwnPropertyNames(globalThis).filter((n) => /^(process|require|fetch|std|os|Deno|Bun|WebAssembly|setTimeout|XMLHttpRequest|WebSocket|navigator|performance|module|global|Buffer|scriptArgs)$/.test(n)).join())'
    expect(await held(names)).toEqual({ how: 'ended', output: 'require\n' })
    expect(readdirSync(folder)).toEqual([])
    expect(connections).toBe(0)
  })

  test('where there is no WebAssembly, nothing is run, and the reason is said', async () => {
    await using without = new ProgramRunner({ execArgv: ['--jitless'] })
    await expect(without.check()).rejects.toMatchObject({
      name: 'EngineError',
      code: 'no_sandbox',
      message: expect.stringMatching(/cannot be run here in safety: .*WebAssembly/) as string,
    })
  })

  test('what its runner’s end finds under way is killed', async () => {
    const ending = new ProgramRunner()
    const running = ending.run({ program: 'for (;;) {}', test: null })
    const waiting = ending.run({ program: '1', test: null })
    const refused = Promise.allSettled([running, waiting])
    await ending.close()
    for (const one of await refused)
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'grader_closed' } })
  })
})
