/** What a training keeps on the disk so that it can go on exactly where it stopped: one GGUF that is replaced as a whole. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { InputError } from '../errors.ts'
import { writeGguf, type DenseTrainerState, type GgufMatrix, type LlamaLibrary } from '../llama/index.ts'
import { GgufMetadata } from '../models/gguf-metadata.ts'
import { readGguf } from '../models/gguf-reader.ts'
import { heldOutFigures, readMatrix, type WeightMatrix } from '../predictor/checkpoint.ts'
import { writeFileAtomic } from '../records/atomic-file.ts'
import type { WriteLock } from '../records/file-lock.ts'
import { parseJson } from '../records/read-records.ts'
import { differentSetting, trainingSettingsSchema, type TrainingSettings } from './settings.ts'

/** JSON has no NaN. */
const real = z
  .number()
  .nullable()
  .transform((value) => value ?? NaN)

const epochEntry = z.object({
  /** 0: before the first step. */
  epoch: z.int().nonnegative(),
  /** MSE of the epoch's batches, each before its step; null before the first. */
  trainingMse: z.number().nullable(),
  heldOut: heldOutFigures,
  /** See `Evaluation`. */
  spread: real,
})

const progress = z.object({
  version: z.literal(1),
  settings: trainingSettingsSchema,
  /** Of the traces. */
  digest: z.string(),
  traces: z.int(),
  shape: z.array(z.int()),
  /** Steps taken. */
  step: z.int().nonnegative(),
  history: z.array(epochEntry),
  /** Of the epoch under way: sum over traces of their MSE, and how many they are. */
  epochLoss: z.object({ sum: z.number(), traces: z.int() }),
  /** Epoch of the best weights so far. */
  bestEpoch: z.int().nullable(),
})

export type EpochEntry = z.output<typeof epochEntry>
export type TrainingProgress = z.output<typeof progress>

export interface SavedTraining {
  readonly progress: TrainingProgress
  readonly trainer: DenseTrainerState
  /** Weights of `bestEpoch`. */
  readonly best: readonly Float32Array[] | undefined
}

const architecture = 'dynts-training'
const stateFile = 'state.gguf'
const progressKey = `${architecture}.progress`
const optimizerSteps = `${architecture}.optimizer_steps`

function hasState(folder: string): boolean {
  return existsSync(join(folder, stateFile))
}

/**
 * Replaces the state in the folder; a kill leaves the old one or the new one.
 * @throws InputError `invalid_output`, `disk_full`; EngineError `lock_lost`
 */
export function writeState(library: LlamaLibrary, folder: string, saved: SavedTraining, lock: WriteLock): void {
  const { progress, trainer, best } = saved
  const tensors = (name: string, arrays: readonly Float32Array[]): GgufMatrix[] =>
    arrays.map((values, i) => {
      const [columns = 0, rows = 0] = progress.shape.slice(i)
      return { name: `${name}.${i}`, rows, columns, values }
    })
  const metadata = {
    'general.architecture': architecture,
    [progressKey]: JSON.stringify(progress),
    [optimizerSteps]: { u32: trainer.steps },
  }
  const matrices = [
    ...tensors('weights', trainer.weights),
    ...tensors('first_moment', trainer.m),
    ...tensors('second_moment', trainer.v),
    ...tensors('best', best ?? []),
  ]
  writeFileAtomic(join(folder, stateFile), (partial) => writeGguf(library, partial, metadata, matrices), { lock })
}

/**
 * What the folder holds, or undefined if it holds no state.
 * @throws InputError `invalid_training_state` for a damaged one
 */
export async function readState(folder: string): Promise<SavedTraining | undefined> {
  if (!hasState(folder)) return undefined
  const path = join(folder, stateFile)
  const fail = (why: string, cause?: unknown): never => {
    throw new InputError(
      'invalid_training_state',
      `${path} cannot be gone on with: ${why}. Give \`resume: false\` to begin anew.`,
      { cause },
    )
  }
  const file = await readGguf(path).catch((error: unknown) => fail('it is damaged', error))
  const metadata = new GgufMetadata(file)
  const parsed = progress.safeParse(parseJson(metadata.text(progressKey) ?? ''))
  if (!parsed.success) return fail('it is of another version of dynts, or damaged')
  const read = async (name: string): Promise<Float32Array[]> => {
    const matrices: WeightMatrix[] = []
    for (let i = 0; i < parsed.data.shape.length - 1; i++) {
      const tensor = file.tensors.find((tensor) => tensor.name === `${name}.${i}`) ?? fail(`${name}.${i} is missing`)
      matrices.push(await readMatrix(path, tensor, fail))
    }
    return matrices.map(({ weights }) => weights)
  }
  const trainer = {
    weights: await read('weights'),
    m: await read('first_moment'),
    v: await read('second_moment'),
    steps: metadata.count(optimizerSteps) ?? fail('it lacks a number of steps'),
  }
  return { progress: parsed.data, trainer, best: parsed.data.bestEpoch === null ? undefined : await read('best') }
}

/**
 * Refuses to go on with a training of something else.
 * @throws InputError `other_training`, naming the difference
 */
export function checkSame(
  folder: string,
  { settings, digest, traces }: Pick<TrainingProgress, 'settings' | 'digest' | 'traces'>,
  now: { settings: TrainingSettings; digest: string; traces: number },
): void {
  const fail = (why: string): never => {
    throw new InputError('other_training', `${folder} holds a training ${why}. Give \`resume: false\` to begin anew.`)
  }
  const different = differentSetting(settings, now.settings)
  if (different) fail(`with \`${different.name}\` ${different.before}, not ${different.now}`)
  if (digest !== now.digest) fail(`on other data (${traces} traces then, ${now.traces} now)`)
}
