/**
 * Builds the JavaScript of `dist/`: each module of `src/` stays a file of its own at the same place, and what they use of a
 * package of npm becomes one file under `dist/packages/`, so that a user installs only what is native or must be shared.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, type Plugin } from 'rolldown'
import { licenceNotices, packageOf } from './licence-notices.ts'

const modules = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && !/\.(test|contract|fake)\.ts$/.test(file),
)

/** Installed with dynts, or by a user who wants `--queue`. */
const { dependencies, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<
  'dependencies' | 'peerDependencies',
  Record<string, string>
>

/** Leaves the imports of one module of ours by another as they are. */
const keepOwnModules: Plugin = {
  name: 'keep-own-modules',
  resolveId: {
    filter: { id: /^\.{1,2}\/.*\.ts$/ },
    handler: (id) => ({ id: id.replace(/\.ts$/, '.js'), external: true }),
  },
}

await build({
  input: Object.fromEntries(modules.map((file) => [file.slice(0, -'.ts'.length), join('src', file)])),
  platform: 'node',
  transform: { target: 'node20' },
  external: [...Object.keys(dependencies), ...Object.keys(peerDependencies)],
  makeAbsoluteExternalsRelative: false,
  plugins: [keepOwnModules, licenceNotices('THIRD-PARTY-NOTICES.txt')],
  onLog(level, log, defaultHandler) {
    if (level !== 'warn') return
    // What cannot be found would be missed only by a user.
    defaultHandler(log.code === 'UNRESOLVED_IMPORT' ? 'error' : 'warn', log)
  },
  output: {
    dir: 'dist',
    cleanDir: true,
    entryFileNames: '[name].js',
    chunkFileNames: 'packages/[name].js',
    codeSplitting: {
      groups: [{ debugName: 'packages', name: (id) => packageOf(id)?.name.replace('@', '').replace('/', '-') ?? null }],
    },
  },
})
