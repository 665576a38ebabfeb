/** The numbers of a training, with the paper's as defaults (arXiv 2601.18383, appendix C.2). */
import { z } from 'zod'
import { isWhole } from '../check-whole.ts'
import { InputError } from '../errors.ts'
import { defaultTarget, parseTarget } from '../predictor/target.ts'

/** A number for which `is` holds. @param words what it must be, for messages */
function numberThat(is: (value: number) => boolean, words: string) {
  return z.custom<number>((value) => typeof value === 'number' && is(value), `must be ${words}`)
}

function whole(least: number, most: number) {
  return numberThat((value) => isWhole(value, least, most), `a whole number from ${least} to ${most}`)
}

const count = whole(1, 2 ** 31 - 1)
const share = numberThat((value) => value >= 0 && value <= 1, 'from 0 to 1')
const beta = numberThat((value) => value >= 0 && value < 1, 'at least 0 and below 1')
const positive = numberThat((value) => value > 0 && value < Infinity, 'a number above 0')
const notNegative = numberThat((value) => value >= 0 && value < Infinity, 'a number of at least 0')

const trainingSettings = z.object({
  /** Scale of what is learned. */
  target: z.string().transform((text) => parseTarget(text)),
  epochs: count,
  /** Traces of one step, at most. */
  batch: count,
  /** The batch shrinks until the training has as many steps. */
  leastSteps: count,
  /** Traces that are computed together. */
  microBatch: count,
  learningRate: positive,
  /** Share of the steps in which the learning rate rises. */
  warmup: share,
  beta1: beta,
  beta2: beta,
  epsilon: positive,
  weightDecay: notNegative,
  /** Largest norm of the gradient of all weights together. */
  clip: positive,
  /** Of the pairwise ranking term; 0: none. */
  rankingWeight: notNegative,
  /** Share of the questions that is held out. */
  validationShare: numberThat((value) => value > 0 && value < 1, 'above 0 and below 1'),
  seed: whole(0, 2 ** 32 - 1),
})

/** All that the resulting weights depend on, the data apart. */
export type TrainingSettings = z.output<typeof trainingSettings>

export const defaultTrainingSettings: TrainingSettings = {
  target: defaultTarget,
  epochs: 15,
  batch: 256,
  leastSteps: 400,
  microBatch: 4,
  learningRate: 5e-4,
  warmup: 0.1,
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0.01,
  clip: 1,
  rankingWeight: 0,
  validationShare: 0.1,
  seed: 0,
}

/**
 * Checks what a user gave; what is left out has the default.
 * @throws InputError `invalid_option`, `invalid_target`
 */
export function parseTrainingSettings(
  given: Readonly<Partial<Record<keyof TrainingSettings, unknown>>>,
): TrainingSettings {
  const values = Object.entries(given).filter(([, value]) => value !== undefined)
  const parsed = trainingSettings.safeParse({ ...defaultTrainingSettings, ...Object.fromEntries(values) })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const name = String(issue?.path[0])
  const value = given[name as keyof TrainingSettings]
  throw new InputError('invalid_option', `\`${name}\` ${issue?.message ?? 'cannot be used'}, not ${String(value)}`)
}

/**
 * The first setting in which two trainings differ, with both values.
 */
export function differentSetting(
  before: TrainingSettings,
  now: TrainingSettings,
): { name: string; before: string; now: string } | undefined {
  const names = Object.keys(now) as (keyof TrainingSettings)[]
  const name = names.find((name) => before[name] !== now[name])
  return name && { name, before: String(before[name]), now: String(now[name]) }
}

export { trainingSettings as trainingSettingsSchema }
