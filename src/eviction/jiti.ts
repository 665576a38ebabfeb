/**
 * jiti, which runs TypeScript files on any Node. Loaded with the first policy file and not before: most runs have none.
 */
import { createRequire } from 'node:module'
import type * as JitiModule from 'jiti'

export type { Jiti } from 'jiti'

const require = createRequire(import.meta.url)

export const createJiti: typeof JitiModule.createJiti = (id, options) =>
  (require('jiti') as typeof JitiModule).createJiti(id, options)
