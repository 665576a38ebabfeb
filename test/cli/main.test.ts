/**
 * What holds for every command: help and version, and what becomes of the output when nobody takes it.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { packageVersion } from '../../src/cli/package-version.ts'
import { dynts, scratch, shortProblem } from './run-dynts.ts'

test.concurrent.each([
  [['--version'], new RegExp(`^${packageVersion().replaceAll('.', '\\.')}\n$`)],
  [['--help'], /^ {2}run +Answer a question, thinking under a bounded KV cache$/m],
  [['run', '--help'], /^Usage: dynts run \[options\] \[question\]\n[^]*--budget <cells>/],
  [['help', 'run'], /^Usage: dynts run \[options\] \[question\]\n[^]*--budget <cells>/],
  [['help', 'models', 'pull'], /^Usage: dynts models /],
  [['eval', 'merge', '--help'], /^Usage: dynts eval merge \[options\] <folders\.\.\.>/],
] as const)('dynts %j', async (args, says) => {
  const { stdout, ...rest } = await dynts(args)
  expect(rest).toEqual({ code: 0, signal: null, stderr: '' })
  expect(stdout).toMatch(says)
})

describe('output that nobody takes', () => {
  test('without a reader of stderr the answer comes all the same', async () => {
    const { code, stdout } = await dynts(['run', shortProblem.question, '-t', '0'], {
      onStart: (child) => child.stderr?.destroy(),
    })
    expect(code).toBe(0)
    expect(stdout).toContain(`\\boxed{${shortProblem.answer}}`)
  })

  test.skipIf(!existsSync('/dev/full'))('a full disk is one line, exit code 2', () => {
    const full = openSync('/dev/full', 'w')
    const bin = fileURLToPath(new URL('../../bin/dynts.js', import.meta.url))
    const { status, stderr } = spawnSync(process.execPath, [bin, 'models', 'list'], {
      cwd: scratch,
      env: { PATH: process.env['PATH'], HOME: scratch },
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    })
    closeSync(full)
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: 'dynts: Standard output cannot be written: the disk is full. Make room, or give another place.\n',
    })
  })
})
