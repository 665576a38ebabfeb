import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { tinyF16 } from '../oracle.ts'

test('whatever the native layer is called with, the process lives, and follows what llama.cpp holds', () => {
  const script = fileURLToPath(new URL('../support/fuzz-native.js', import.meta.url))
  // Other seeds and more runs: by hand.
  const args = [script, tinyF16, '300', '1']
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' })
  const { ok, thrown } = JSON.parse(stdout) as { ok: number; thrown: number }
  // Both kinds were tried.
  expect(Math.min(ok, thrown)).toBeGreaterThan(500)
}, 120_000)
