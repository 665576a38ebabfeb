/**
 * Packs dynts as it would be published, installs it into an empty folder as a user does, prints what that takes on disk, and
 * tries what a user relies on. Fails if anything is missing, or if the install is larger than the goal.
 */
import { equal } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'

const goalMb = 90

const user = mkdtempSync(join(tmpdir(), 'dynts-package-'))

function run(program: string, args: readonly string[], cwd = user): string {
  return execFileSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}

function install(): void {
  // `npm run build` has been run.
  run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', user], '.')
  const tarball = readdirSync(user).find((file) => file.endsWith('.tgz'))
  if (tarball === undefined) throw new Error('npm pack made no file')
  writeFileSync(join(user, 'package.json'), '{ "private": true, "type": "module" }\n')
  run('npm', ['install', '--omit=dev', '--silent', `./${tarball}`])
}

function reportSize(): void {
  const modules = join(user, 'node_modules')
  const packages = readdirSync(modules)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(modules, name)).map((own) => `${name}/${own}`) : [name],
    )
    .map((name) => ({ name, mb: sizeOf(join(modules, name)) / 1e6 }))
    .sort((a, b) => b.mb - a.mb)
  for (const { name, mb } of packages) console.log(`${mb.toFixed(1).padStart(6)} MB  ${name}`)
  const total = packages.reduce((sum, { mb }) => sum + mb, 0)
  console.log(`${total.toFixed(1).padStart(6)} MB  in all; the goal is ${goalMb} MB`)
  if (total > goalMb) throw new Error(`an install takes ${total.toFixed(1)} MB`)
}

/** In bytes, as allocated on the disk. */
function sizeOf(path: string): number {
  const stats = lstatSync(path)
  const own = stats.blocks * 512
  return stats.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), own) : own
}

const policy = `
import { definePolicy } from 'dynts'
import { z } from 'zod'

export default definePolicy({
  name: 'newest',
  options: z.object({ scale: z.number().default(1) }),
  create: ({ scale }) => ({ score: (candidates) => Float32Array.from(candidates, (position) => position * scale) }),
})
`

const library = `
import { Engine, EngineError, InputError, loadModel, type GenerateResult } from 'dynts'
import policy from './newest.js'

try {
  await loadModel('./missing.gguf')
  throw new Error('a model that is not there was loaded')
} catch (error: unknown) {
  if (!(error instanceof InputError) || error instanceof EngineError) throw error
}
await using model = await loadModel('tiny')
await using engine = await Engine.create(model, { cells: 320 })
const messages = [{ role: 'user', content: 'Ava has 5 coins. How many coins does Ava have?' }] as const
const result: GenerateResult = await engine.complete({ prompt: { messages }, maxTokens: 8, seed: 1 })
console.log(policy.name, result.usage.thinkingTokens + result.usage.answerTokens)
`

/** In bytes: of all its files with and without compression, and without of what a browser loads before anything is asked. */
const mostPageBytes = { plain: 480_000, zipped: 160_000, firstView: 260_000 }

function checkPageSize(): void {
  const folder = join(user, 'node_modules/dynts/dist/web')
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.gz'))
  const zipped = names.map((name) => readFileSync(join(folder, name)))
  const plain = new Map(zipped.map((bytes, i) => [`/${names[i] ?? ''}`.replace(/\.gz$/, ''), gunzipSync(bytes)]))
  const html = plain.get('/index.html')?.toString()
  if (html === undefined) throw new Error('the page was not built')
  const named = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path)
  const bytesOf = (paths: Iterable<string>) =>
    [...paths].reduce((sum, path) => sum + (plain.get(path)?.length ?? Infinity), 0)
  const bytes = {
    plain: bytesOf(plain.keys()),
    zipped: zipped.reduce((sum, { length }) => sum + length, 0),
    firstView: bytesOf(['/index.html', ...named]),
  }
  console.log(`The page in bytes: ${JSON.stringify(bytes)}; the limits are ${JSON.stringify(mostPageBytes)}.`)
  if (named.length === 0) throw new Error('the page names none of its files')
  const isTooLarge = (['plain', 'zipped', 'firstView'] as const).some((part) => bytes[part] > mostPageBytes[part])
  if (isTooLarge) throw new Error('the page is too large')
}

function tryPackage(): void {
  const dynts = (...args: string[]) => run(process.execPath, ['node_modules/dynts/bin/dynts.js', ...args])
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  equal(dynts('--version').trim(), version)
  writeFileSync(join(user, 'newest.ts'), policy)
  const result = JSON.parse(dynts('run', '--demo', '--json')) as DemoOutput
  equal(result.schema, 'dynts.run/1')
  equal(result.cache.policy, 'dynts-diverse')
  const ours = JSON.parse(
    dynts('run', '--demo', '--json', '--policy', './newest.ts', '--policy-option', 'scale=2'),
  ) as DemoOutput
  equal(ours.cache.policy, 'newest')
  writeFileSync(join(user, 'library.ts'), library)
  compile()
  equal(run(process.execPath, ['library.js']).trim(), 'newest 8')
  console.log('The packed package works: --version, run, a policy of a user, the library and its types.')
}

interface DemoOutput {
  readonly schema: string
  readonly cache: { readonly policy: string }
}

/** With the declarations of the package checked as well. */
function compile(): void {
  const types = ['--typeRoots', resolve('node_modules/@types'), '--types', 'node']
  const language = ['--strict', '--target', 'es2022', '--lib', 'es2023,esnext.disposable', '--module', 'nodenext']
  run(process.execPath, [resolve('node_modules/typescript/bin/tsc'), ...language, ...types, 'library.ts'])
}

try {
  install()
  reportSize()
  checkPageSize()
  tryPackage()
} finally {
  rmSync(user, { recursive: true, force: true })
}
