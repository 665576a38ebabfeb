import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { scratch } from '../../../test/support/scratch.ts'
import { reportPage } from '../../report/report-page.ts'
import { checkReplaceable } from './replaceable.ts'

const folder = mkdtempSync(join(scratch, 'dynts-replaceable-'))
function file(text: string): string {
  const path = join(folder, String(Math.random()))
  writeFileSync(path, text)
  return path
}
const page = reportPage('Ü & <b>', [], [], [])
const json = `${JSON.stringify({ schema: 'dynts.analyze.words/1', traces: [] }, null, 2)}\n`
const csv = 'id,question,top 10 %\nq,2,3\n'
const trace = '{"schema":"dynts.trace/1","id":"q#0"}\n'

test('what the same command wrote is replaced, and an empty file filled', () => {
  expect(checkReplaceable(file(page), 'page')).toBe(true)
  expect(checkReplaceable(file(json), 'json')).toBe(true)
  expect(checkReplaceable(file(csv), 'csv')).toBe(true)
  expect(checkReplaceable(file(''), 'csv')).toBe(false)
  expect(checkReplaceable(join(folder, 'none'), 'page')).toBe(false)
})

test.each([
  ['page', '<html>mine</html>'],
  ['page', json],
  ['json', '{"mine": 1}'],
  ['json', csv],
  ['csv', trace],
  ['csv', page],
  ['csv', 'one line of text'],
] as const)('%s: %j stays', (kind, text) => {
  const path = file(text)
  expect(() => checkReplaceable(path, kind, '--csv')).toThrow(
    expect.objectContaining({
      code: 'output_exists',
      message: expect.stringMatching(/another --csv/) as string,
    }) as Error,
  )
})
