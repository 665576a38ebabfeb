/** The same cases of every property on every run; `FC_SEED=2 npm test` draws others. */
import fc from 'fast-check'

fc.configureGlobal({ seed: Number(process.env.FC_SEED ?? 1) })
