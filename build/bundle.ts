/**
 * Builds the JavaScript of `dist/`: what is imported, started as a program or loaded on demand is a file at the place that it has in
 * `src/`; what several of these share are few files under `dist/shared/`, because hundreds of small ones take longer to load than the
 * embedded model; and what is used of a package of npm is one file under `dist/packages/`, so that a user installs only what is native
 * or must be shared.
 */
import { readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { build, type Plugin } from 'rolldown'
import { licenceNotices, packageOf } from './licence-notices.ts'

/** The public names, the command line, and what is started as a process or a thread of its own. */
const entries = [
  'index',
  'cli/main',
  'engine/trial-program',
  'engine/worker',
  'evaluation/grading/equivalence-worker',
  'server/engine-host',
  'traces/pass-program',
]
/** What tests reach in a build, where the sources would load llama.cpp a second time. */
const reachedByTests = [
  'engine/model',
  'evaluation/grading/grader',
  'evaluation/run/eval-engine',
  'evaluation/run/eval-job',
  'evaluation/run/eval-plan',
  'evaluation/run/summary-tables',
  'eviction/policy-source',
  'llama/index',
  'records/file-lock',
  'records/record-file',
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
  plugins: [ownUrls, licenceNotices('THIRD-PARTY-NOTICES.txt')],
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
