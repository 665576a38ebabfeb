import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const files = ['src', 'web/src', 'test'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join(folder, file)),
)
const having = (pattern: RegExp) => files.filter((file) => pattern.test(readFileSync(file, 'utf8')))

/** What replaces modules, or changes or measures the process, would do so for the files that follow or went before in it. */
const own = having(
  /\bvi\.(mock|doMock|hoisted)\(|(?<!\.)\bprocess\.(on|emit|exitCode|cpuUsage|memoryUsage|listeners|env\S* =)/,
)
/** llama.cpp's structs are declared once in a process: by the built library, or by the sources. */
const built = having(/^(import|\}).* from '(dynts|(\.\.\/)+dist\/\S*|\S*\/importance-folder\.ts)'/m)
const ofBuilt = built.filter((file) => !own.includes(file))

/** These take the longest by far; begun last, one of them would keep one worker busy while the others have nothing to do. */
const slowest = [
  'test/model/window-cache',
  'test/model/replay',
  'test/model/families',
  'test/cli/given',
  'test/cli/fit',
  'test/model/eval',
  'test/cli/eval',
  'test/model/policies',
  'test/cli/files',
  'test/page/page',
  'test/cli/trace',
  'test/queue/queue',
  'test/model/recall',
  'test/grading/programs',
  'test/page/reconnect',
  'test/model/prompts',
  'test/cli/run',
  'test/page/report',
  'test/cli/recall',
  'test/server/lifecycle',
].map((name) => join(import.meta.dirname, `${name}.test.ts`))

/** A process is shared only by files of one project that follow each other. */
const projects = ['own process', 'built', 'sources']

class SlowestFirst extends BaseSequencer {
  override async sort(all: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ project, moduleId }: TestSpecification) => {
      const place = slowest.indexOf(moduleId)
      return 1000 * projects.indexOf(project.name) + (place < 0 ? slowest.length : place)
    }
    return (await super.sort(all)).sort((a, b) => rank(a) - rank(b))
  }
}

const common = {
  setupFiles: ['test/support/fast-check-seed.ts', 'test/support/leave-nothing.ts'],
  // Only what hangs should meet them, on a busy machine too.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  pool: 'forks' as const,
  server: { deps: { external: [/^(?!.*\/node_modules\/).*\/dist\//] } },
}

export default defineConfig({
  test: {
    // One more than the two cores of a small machine: many tests wait, for a process or a time to pass.
    maxWorkers: 3,
    sequence: { sequencer: SlowestFirst },
    projects: [
      { test: { ...common, name: 'own process', include: own } },
      { test: { ...common, name: 'built', include: ofBuilt, isolate: false } },
      {
        test: {
          ...common,
          name: 'sources',
          include: ['{src,web/src,test}/**/*.test.ts'],
          exclude: [...own, ...ofBuilt],
          isolate: false,
        },
      },
    ],
  },
})
