/** A process is shared by several test files: each begins with a folder of its own, and leaves no replaced clock, variable or global behind. */
import { afterAll, vi } from 'vitest'
import { deleteScratch, renewScratch } from './scratch.ts'

renewScratch()
afterAll(() => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
  deleteScratch()
})
