import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const units = ['src', 'web/src'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join(folder, file)),
)
/** What replaces modules or timers, or touches the process, would do so for the files that follow in it. */
const touching = units.filter((file) => /\b(vi\.\w+\(|process\.)/.test(readFileSync(file, 'utf8')))

const common = {
  setupFiles: ['test/support/fast-check-seed.ts'],
  // Only what hangs should meet them, on a busy machine too.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  pool: 'forks' as const,
}

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: { ...common, name: 'unit', include: ['{src,web/src}/**/*.test.ts'], exclude: touching, isolate: false },
      },
      { test: { ...common, name: 'own process', include: ['test/**/*.test.ts', ...touching] } },
    ],
  },
})
