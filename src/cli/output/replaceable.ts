/** What is written at the end of a command may replace what the same command wrote before, and nothing else. */
import { existsSync } from 'node:fs'
import { InputError } from '../../errors.ts'
import { checkRegular } from '../../records/atomic-file.ts'
import { writing } from '../../records/file-failure.ts'
import { beginningOf } from '../../records/input-file.ts'

/** How files of ours begin. */
const beginnings = {
  page: { what: 'report of dynts', is: /<meta name="generator" content="dynts">/ },
  json: { what: 'JSON object of dynts', is: /^\s*\{\s*"schema"\s*:\s*"dynts\./ },
  // Names of columns.
  csv: { what: 'CSV table', is: /^[\w%. -]+(,[\w%. -]+)+\r?\n/ },
} as const

/**
 * @param option that names it
 * @returns whether there is one that will be replaced
 * @throws InputError `output_exists` for a file of another kind, `invalid_output` if it is no file and cannot become one
 */
export function checkReplaceable(path: string, kind: keyof typeof beginnings, option = '--output'): boolean {
  checkRegular(path)
  if (!existsSync(path)) return false
  const { what, is } = beginnings[kind]
  const start = writing(path, () => beginningOf(path, 2 ** 16), option)
  // Made by mktemp or touch.
  if (start === '' || is.test(start)) return start !== ''
  throw new InputError(
    'output_exists',
    `${path} exists and is no ${what}: it is not replaced. Give another ${option}, or remove it.`,
  )
}
