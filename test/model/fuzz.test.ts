import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { tinyF16 } from '../oracle.ts'

test('whatever the native layer is called with, the process lives, and follows what llama.cpp holds', () => {
  const script = fileURLToPath(new URL('../support/fuzz-native.js', import.meta.url))
  const seed = Math.floor(Math.random() * 1e9)
  const args = [script, tinyF16, '4', String(seed)]
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
  expect({ status, signal, stderr, seed }).toEqual({ status: 0, signal: null, stderr: '', seed })
  const { ok, thrown } = JSON.parse(stdout) as { ok: number; thrown: number }
  // Both kinds were tried.
  expect(Math.min(ok, thrown)).toBeGreaterThan(50)
})
