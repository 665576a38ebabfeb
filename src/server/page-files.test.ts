import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { readPageFiles } from './page-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-page-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('files have the paths and the types that browsers ask for, and are sent as they were compressed', () => {
  mkdirSync(join(folder, 'assets'))
  const zipped = gzipSync('<p>dynts', { level: 1 })
  writeFileSync(join(folder, 'index.html.gz'), zipped)
  writeFileSync(join(folder, 'assets/main-1a.js.gz'), gzipSync('run()'))
  writeFileSync(join(folder, 'assets/notes.txt'), 'not of the page')
  const files = readPageFiles(folder)
  expect([...files.keys()].sort()).toEqual(['/assets/main-1a.js', '/index.html'])
  expect(files.get('/index.html')).toEqual({
    type: 'text/html; charset=utf-8',
    zipped,
    content: Buffer.from('<p>dynts'),
  })
  expect(files.get('/assets/main-1a.js')?.type).toBe('text/javascript; charset=utf-8')
})

test('without a build there is no page', () => {
  expect(readPageFiles(join(folder, 'nothing')).size).toBe(0)
})
