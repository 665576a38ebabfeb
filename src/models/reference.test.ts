import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InputError } from '../errors.ts'
import { isSafeFileName, parseReference } from './reference.ts'
import type { ModelReference } from './reference.ts'

const parse = (text: string, env: Record<string, string> = {}, existing: string[] = []): ModelReference =>
  parseReference(text, { env, exists: (path) => existing.includes(path) })
const hub = (repo: string, more: object = {}) => ({ kind: 'hub', repo, revision: 'main', ...more })

test('tiny is the embedded model, and it is there', () => {
  const reference = parse('tiny')
  expect(reference.kind).toBe('embedded')
  expect(reference.kind === 'embedded' && existsSync(reference.path)).toBe(true)
})

test.each([
  ['/models/a.gguf', '/models/a.gguf'],
  ['./a', resolve('a')],
  ['../a', resolve('../a')],
  ['a.gguf', resolve('a.gguf')],
  ['user/repo/A.GGUF', resolve('user/repo/A.GGUF')],
  ['~/m/a.gguf', join(homedir(), 'm/a.gguf')],
  ['~', homedir()],
])('the path %s', (text, path) => {
  expect(parse(text)).toEqual({ kind: 'path', path })
})

test('an existing path wins over a repository', () => {
  expect(parse('user/repo', {}, ['user/repo'])).toEqual({ kind: 'path', path: resolve('user/repo') })
  expect(parse('hf:user/repo', {}, ['hf:user/repo', 'user/repo'])).toEqual(hub('user/repo'))
})

test.each<[string, object]>([
  ['user/repo', hub('user/repo')],
  ['user/repo:q4_k_m', hub('user/repo', { quant: 'Q4_K_M' })],
  ['user/repo:latest', hub('user/repo')],
  ['hf:user/repo:Q8_0', hub('user/repo', { quant: 'Q8_0' })],
  ['hf:user/repo@v1:Q8_0', hub('user/repo', { revision: 'v1', quant: 'Q8_0' })],
  ['user/repo@refs/pr/3', hub('user/repo', { revision: 'refs/pr/3' })],
  ['hf:user/repo/dir/a-Q4_0.gguf', hub('user/repo', { file: 'dir/a-Q4_0.gguf' })],
  ['hf:user/repo@dev/dir/a.gguf', hub('user/repo', { revision: 'dev', file: 'dir/a.gguf' })],
  ['hf.co/user/repo:UD-Q4_K_XL', hub('user/repo', { quant: 'UD-Q4_K_XL' })],
  ['huggingface.co/user/repo', hub('user/repo')],
  ['https://huggingface.co/user/repo', hub('user/repo')],
  ['https://huggingface.co/user/repo/', hub('user/repo')],
  ['https://hf.co/user/repo/tree/main', hub('user/repo')],
  ['https://huggingface.co/user/repo/blob/main/dir/a%20b.gguf', hub('user/repo', { file: 'dir/a b.gguf' })],
  [
    'https://huggingface.co/user/repo/resolve/v2/a.gguf?download=true',
    hub('user/repo', { revision: 'v2', file: 'a.gguf' }),
  ],
  [
    'https://huggingface.co/user/repo/blob/refs%2Fpr%2F1/a.gguf',
    hub('user/repo', { revision: 'refs/pr/1', file: 'a.gguf' }),
  ],
  [
    'https://huggingface.co/user/repo/blob/refs/pr/1/a.gguf',
    hub('user/repo', { revision: 'refs/pr/1', file: 'a.gguf' }),
  ],
  ['https://huggingface.co/user/repo?show_file_info=a.gguf', hub('user/repo', { file: 'a.gguf' })],
])('the model %s', (text, expected) => {
  expect(parse(text)).toEqual(expected)
})

test('addresses of HF_ENDPOINT are accepted', () => {
  const env = { HF_ENDPOINT: 'https://mirror.example/hf' }
  expect(parse('https://mirror.example/hf/user/repo/blob/main/a.gguf', env)).toEqual(
    hub('user/repo', { file: 'a.gguf' }),
  )
  expect(() => parse('https://mirror.example/user/repo')).toThrow(/not an address of the Hugging Face Hub/)
})

test.each([
  '',
  'word',
  'user/',
  '/repo'.slice(1),
  'a/b/c',
  'user/repo:',
  'user/repo@',
  'user/../x',
  'us--er/repo',
  '-user/repo',
  'hf:user',
  'hf:../..',
  'hf:user/repo/../../a.gguf',
  'hf:user/repo@../x:Q4_0',
  'https://huggingface.co/datasets/user/repo',
  'https://huggingface.co/user/repo/blob/main/a.safetensors',
  'https://huggingface.co/user/repo/blob/main/..%2f..%2fa.gguf',
  'https://huggingface.co/user/repo/blob/main/%zz.gguf',
  'https://huggingface.co/user',
  'https://example.com/user/repo',
  'https://',
])('%j is refused', (text) => {
  expect(() => parse(text)).toThrow(expect.objectContaining({ name: 'InputError', code: 'model_reference' }) as Error)
})

describe('properties', () => {
  test('any text gives a reference or an InputError', () => {
    const pieces = fc.constantFrom(
      'hf:',
      'https://huggingface.co/',
      '/blob/main/',
      'user/repo',
      '@',
      ':',
      '%',
      '..',
      '.gguf',
      '?',
      '#',
      '~',
    )
    const texts = fc.oneof(
      fc.string(),
      fc.array(fc.oneof(pieces, fc.string({ maxLength: 4 }))).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        try {
          const reference = parse(text)
          if (reference.kind === 'path') expect(isAbsolute(reference.path)).toBe(true)
          if (reference.kind === 'hub') expect(isSafeFileName(reference.file ?? 'x')).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(InputError)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('what is parsed is written and read back as the same', () => {
    const name = fc
      .stringMatching(/^[A-Za-z0-9_]([A-Za-z0-9_.]{0,8}[A-Za-z0-9_])?$/)
      .filter((s) => !/\.\.|\.git$/.test(s))
    const references = fc.record(
      {
        kind: fc.constant('hub' as const),
        repo: fc.tuple(name, name).map((parts) => parts.join('/')),
        revision: fc.constantFrom('main', 'v1.0', 'refs/pr/12', 'feature/x'),
        quant: fc.constantFrom('Q4_K_M', 'UD-IQ1_S', 'F16'),
        file: fc.constantFrom('a.gguf', 'dir/b c-Q4_0.gguf', 'x@y:z.gguf'),
      },
      { requiredKeys: ['kind', 'repo', 'revision'] },
    )
    fc.assert(
      fc.property(references, ({ quant, file, ...rest }) => {
        // A file names its quant itself.
        const reference = { ...rest, ...(file === undefined ? (quant === undefined ? {} : { quant }) : { file }) }
        expect(parse(formatReference(reference))).toEqual(reference)
      }),
      { numRuns: 500 },
    )
  })
})

/** The inverse of `parseReference`. */
function formatReference(reference: ModelReference): string {
  if (reference.kind === 'path') return reference.path
  if (reference.kind === 'embedded') return reference.name
  const revision = reference.revision === 'main' ? '' : `@${encodeURIComponent(reference.revision)}`
  const file = reference.file === undefined ? '' : `/${reference.file}`
  const quant = reference.quant === undefined ? '' : `:${reference.quant}`
  return `hf:${reference.repo}${revision}${file}${quant}`
}
