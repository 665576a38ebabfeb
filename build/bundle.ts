/**
 * Builds the JavaScript of `dist/`: what is imported, started as a program or loaded on demand is a file at the place that it has in
 * `src/`; what several of these share are few files under `dist/shared/`, because hundreds of small ones take longer to load than the
 * embedded model; and what is used of a package of npm is one file under `dist/packages/`, so that a user installs only what is native
 * or must be shared.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { build, type Plugin } from 'rolldown'
import { minifySync } from 'rolldown/utils'
import { licenceNotices, packageOf } from './licence-notices.ts'

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && !/\.(test|contract|fake)\.ts$/.test(file),
)

/** Started as a process or a thread of its own: what a module names by `new URL('./NAME.js', import.meta.url)`. */
function programsOf(file: string): string[] {
  const named = readFileSync(join('src', file), 'utf8').matchAll(/new URL\('\.\/([\w-]+)\.js', import\.meta\.url\)/g)
  return Array.from(named, ([, name = '']) => join(dirname(file), name).replaceAll(sep, '/'))
}

const entries = ['index', 'cli/main', ...sources.flatMap(programsOf)]
/** What tests reach in a build, where the sources would load llama.cpp a second time. */
const reachedByTests = [
  'engine/end-with-parent',
  'engine/model',
  'evaluation/code/program-runner',
  'evaluation/grading/grader',
  'evaluation/run/eval-engine',
  'evaluation/run/eval-job',
  'evaluation/run/eval-plan',
  'evaluation/run/judge',
  'evaluation/run/summary-tables',
  'evaluation/tasks/recall',
  'eviction/policy-source',
  'llama/index',
  'records/file-lock',
  'records/record-file',
  'traces/importance-writer',
]

/** Installed with dynts, or by a user who wants `--queue`. */
const { dependencies, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<
  'dependencies' | 'peerDependencies',
  Record<string, string>
>

const placeholder = /__ownUrl__\("([^"]+)"\)/g

/** `import.meta.url` of a module stays the address that it would have at its place in `src/`, whatever file it is in. */
const ownUrls: Plugin = {
  name: 'own-urls',
  transform: {
    filter: { id: /[\\/]src[\\/].*\.ts$/, code: /import\.meta\.url/ },
    handler(code, id) {
      const path = relative('src', id).replaceAll(sep, '/').replace(/\.ts$/, '.js')
      return code.replaceAll('import.meta.url', `__ownUrl__("${path}")`)
    },
  },
  renderChunk: (code, { fileName }) =>
    code.replaceAll(placeholder, (_, path: string) => {
      const there = relative(dirname(fileName), path).replaceAll(sep, '/')
      return `new URL("${there.startsWith('.') ? there : `./${there}`}", import.meta.url).href`
    }),
}

/** Of packages, comments and white space are left out: their licences are in the notices. */
const smallPackages: Plugin = {
  name: 'small-packages',
  renderChunk(code, { fileName }) {
    if (!fileName.startsWith('packages/')) return null
    const { code: small, errors } = minifySync(fileName, code, {
      module: true,
      compress: false,
      mangle: false,
      codegen: { removeWhitespace: true },
    })
    if (errors.length > 0) throw new Error(`${fileName}: ${errors[0]?.message ?? 'it cannot be made smaller'}`)
    return small
  },
}

/** e.g. `packages/huggingface-jinja`; null for a module of ours. */
function packageFile(id: string): string | null {
  const name = packageOf(id)?.name.replace('@', '').replace('/', '-')
  return name === undefined ? null : `packages/${name}`
}

await build({
  input: Object.fromEntries([...entries, ...reachedByTests].map((name) => [name, join('src', `${name}.ts`)])),
  platform: 'node',
  transform: { target: 'node20' },
  external: [...Object.keys(dependencies), ...Object.keys(peerDependencies)],
  makeAbsoluteExternalsRelative: false,
  plugins: [ownUrls, smallPackages, licenceNotices('THIRD-PARTY-NOTICES.txt')],
  onLog(level, log, defaultHandler) {
    if (level !== 'warn') return
    // What cannot be found would be missed only by a user.
    defaultHandler(log.code === 'UNRESOLVED_IMPORT' ? 'error' : 'warn', log)
  },
  output: {
    dir: 'dist',
    cleanDir: true,
    entryFileNames: '[name].js',
    chunkFileNames: ({ name }) => (name.startsWith('packages/') ? '[name].js' : 'shared/[name].js'),
    codeSplitting: {
      groups: [{ debugName: 'packages', name: (id) => packageFile(id) }],
    },
  },
})
