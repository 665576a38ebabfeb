/** The predictor's file: one GGUF with the weight matrices, how they were trained, and which model they belong to. */
import { open } from 'node:fs/promises'
import { z } from 'zod'
import { InputError } from '../errors.ts'
import { findPolicy, policyNames } from '../eviction/registry.ts'
import { mostLayers, writeGguf, type GgufValue, type LlamaLibrary } from '../llama/index.ts'
import { GgufMetadata } from '../models/gguf-metadata.ts'
import { readGguf, type GgufTensor } from '../models/gguf-reader.ts'
import { differentFact, fingerprintMetadata, readFingerprint, type Fingerprint } from './fingerprint.ts'
import { parseLabel, type Label } from './label.ts'
import { parseTarget, type Target } from './target.ts'

export const predictorArchitecture = 'dynts-predictor'

/** JSON has no NaN; there it is null. */
const figure = z
  .number()
  .nullable()
  .transform((value) => value ?? NaN)

/**
 * Figures on traces that were not trained on, each per trace and then averaged; shares in [0, 1], NaN if not defined. Kendall's
 * tau is tau-b; `overlap` is the share of the true top-20 % found in the predicted top-p %, by p.
 */
export const heldOutFigures = z.object({
  traces: z.int().nonnegative(),
  mse: figure,
  kendallTau: figure,
  overlap: z.record(z.string(), figure),
})
export type HeldOutFigures = Readonly<z.output<typeof heldOutFigures>>

export interface WeightMatrix {
  readonly rows: number
  readonly columns: number
  /** rows x columns, row after row. */
  readonly weights: Float32Array
}

export interface PredictorCheckpoint {
  /** Softplus follows each; sizes d, 2d, d/2, 1 unless the checkpoint says otherwise. */
  readonly matrices: readonly WeightMatrix[]
  readonly target: Target
  readonly model: Fingerprint
  /** What it was trained to estimate; undefined where nobody has said. */
  readonly label?: Label
  /** What is recommended where a request says nothing else. */
  readonly policy?: string
  readonly budget?: number
  readonly localWindow?: number
  readonly ratio?: number
  /** Instead of `ratio`. */
  readonly evictEvery?: number
  /** Weight of unlike keys under `dynts-diverse`. */
  readonly diversity?: number
  readonly heldOut?: HeldOutFigures
}

const key = (name: string) => `${predictorArchitecture}.${name}`
const tensorName = (i: number) => `predictor.${i}.weight`

/** The sizes of input, hidden layers and output, e.g. [256, 512, 128, 1]. */
export function predictorShape(checkpoint: Pick<PredictorCheckpoint, 'matrices'>): number[] {
  return [checkpoint.matrices[0]?.columns ?? 0, ...checkpoint.matrices.map((matrix) => matrix.rows)]
}

/** @throws EngineError `write_failed` */
export function writeCheckpoint(library: LlamaLibrary, path: string, checkpoint: PredictorCheckpoint): void {
  const { model, heldOut } = checkpoint
  const metadata: Record<string, GgufValue> = {
    'general.architecture': predictorArchitecture,
    'general.type': 'predictor',
    'general.name': `Importance predictor for ${model.name}`,
    [key('version')]: { u32: 1 },
    [key('activation')]: 'softplus',
    [key('target')]: checkpoint.target,
    ...fingerprintMetadata(predictorArchitecture, model),
  }
  if (checkpoint.label !== undefined) metadata[key('label')] = checkpoint.label
  if (checkpoint.budget !== undefined) metadata[key('budget')] = { u32: checkpoint.budget }
  if (checkpoint.localWindow !== undefined) metadata[key('local_window')] = { u32: checkpoint.localWindow }
  // A float32 would turn 0.4 into 0.4000000059, and floor(ratio * W_s) with it.
  if (checkpoint.ratio !== undefined) metadata[key('ratio')] = String(checkpoint.ratio)
  if (checkpoint.evictEvery !== undefined) metadata[key('evict_every')] = { u32: checkpoint.evictEvery }
  // Likewise.
  if (checkpoint.diversity !== undefined) metadata[key('diversity')] = String(checkpoint.diversity)
  if (checkpoint.policy !== undefined) metadata[key('policy')] = checkpoint.policy
  if (heldOut) metadata[key('held_out')] = JSON.stringify(heldOut)
  const matrices = checkpoint.matrices.map(({ rows, columns, weights }, i) => {
    return { name: tensorName(i), rows, columns, values: weights }
  })
  writeGguf(library, path, metadata, matrices)
}

/**
 * @throws InputError `not_a_predictor` for a GGUF of another kind, `invalid_predictor` for a damaged one, and what
 *   `readGguf` throws
 */
export async function readCheckpoint(path: string): Promise<PredictorCheckpoint> {
  const file = await readGguf(path)
  const metadata = new GgufMetadata(file)
  if (metadata.architecture !== predictorArchitecture) {
    throw new InputError('not_a_predictor', `${path} is a ${metadata.architecture} model, not an importance predictor.`)
  }
  const fail = (problem: string): never => {
    throw new InputError('invalid_predictor', `${path} is not a usable importance predictor: ${problem}.`)
  }
  const required = <T>(value: T | undefined, name: string): T => value ?? fail(`${name} is missing`)
  if (metadata.count(key('version')) !== 1) fail('it was written by another version of dynts')
  if (metadata.text(key('activation')) !== 'softplus') fail('its activation is unknown')
  const matrices: WeightMatrix[] = []
  for (let i = 0; ; i++) {
    const tensor = file.tensors.find(({ name }) => name === tensorName(i))
    if (!tensor) break
    matrices.push(await readMatrix(path, tensor, fail))
  }
  checkShape(matrices, fail)
  const model = readFingerprint(predictorArchitecture, metadata, fail)
  if (model.hiddenSize !== matrices[0]?.columns) fail('its first layer does not take its model’s hidden states')
  const label = readLabel(metadata.text(key('label')), fail)
  const budget = metadata.count(key('budget'))
  const localWindow = metadata.count(key('local_window'))
  const ratioText = metadata.text(key('ratio'))
  const ratio = ratioText === undefined ? undefined : Number(ratioText)
  if (ratio !== undefined && !(ratio >= 0 && ratio <= 1)) fail('its ratio is not a number from 0 to 1')
  const evictEvery = metadata.count(key('evict_every'))
  if (ratio !== undefined && evictEvery !== undefined) fail('it recommends a ratio and a number of cells at once')
  const diversityText = metadata.text(key('diversity'))
  const diversity = diversityText === undefined ? undefined : Number(diversityText)
  if (diversity !== undefined && !(diversity >= 0 && diversity < Infinity))
    fail('its diversity is not a number of 0 or more')
  const policy = metadata.text(key('policy'))
  if (policy !== undefined && !isPolicyOfPredictors(policy))
    fail('it recommends a policy that this version of dynts does not have')
  const heldOut = parseHeldOut(metadata.text(key('held_out')))
  return {
    matrices,
    target: readTarget(required(metadata.text(key('target')), 'its target'), fail),
    model,
    ...(label === undefined ? {} : { label }),
    ...(budget === undefined ? {} : { budget }),
    ...(localWindow === undefined ? {} : { localWindow }),
    ...(ratio === undefined ? {} : { ratio }),
    ...(evictEvery === undefined ? {} : { evictEvery }),
    ...(diversity === undefined ? {} : { diversity }),
    ...(policy === undefined ? {} : { policy }),
    ...(heldOut === undefined ? {} : { heldOut }),
  }
}

/** Whether a predictor may recommend it: a policy that uses one, and none from a file. */
export function isPolicyOfPredictors(name: string): boolean {
  return policyNames().includes(name) && findPolicy(name).needs.has('hidden-state')
}

/** Why a predictor does not fit a model, or undefined if it does. */
export function mismatch(predictor: Fingerprint, model: Fingerprint): string | undefined {
  const different = differentFact(predictor, model)
  return (
    different &&
    `it was trained for ${predictor.name} (${different.fact} ${different.a}), but the model's ${different.fact} is ${different.b}`
  )
}

/** One matrix of a GGUF, read from its file. @param fail called if it is none, or cut off */
export async function readMatrix(
  path: string,
  tensor: GgufTensor,
  fail: (problem: string) => never,
): Promise<WeightMatrix> {
  const [columns = 0, rows = 0] = tensor.shape
  if (tensor.type !== 'F32' || tensor.shape.length > 2) fail(`${tensor.name} is not a float32 matrix`)
  const handle = await open(path, 'r')
  try {
    const bytes = new Uint8Array(tensor.bytes)
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, tensor.offset)
    if (bytesRead !== bytes.length) fail('it is truncated')
    return { rows: rows || 1, columns, weights: new Float32Array(bytes.buffer) }
  } finally {
    await handle.close()
  }
}

function checkShape(matrices: readonly WeightMatrix[], fail: (problem: string) => never): void {
  if (matrices.length === 0) fail('it has no weights')
  if (matrices.length > mostLayers) fail(`it has ${matrices.length} layers, more than ${mostLayers}`)
  matrices.forEach((matrix, i) => {
    const next = matrices[i + 1]
    if (next && next.columns !== matrix.rows) fail(`layer ${i + 1} does not take what layer ${i} gives`)
    if (!matrix.weights.every(Number.isFinite)) fail(`layer ${i} has weights that are not finite`)
  })
  if (matrices.at(-1)?.rows !== 1) fail('its last layer must give one number')
}

function readTarget(text: string, fail: (problem: string) => never): Target {
  try {
    return parseTarget(text)
  } catch {
    return fail(`its target "${text}" is unknown`)
  }
}

function readLabel(text: string | undefined, fail: (problem: string) => never): Label | undefined {
  try {
    return text === undefined ? undefined : parseLabel(text)
  } catch {
    return fail(`its label "${text ?? ''}" is unknown`)
  }
}

/** Undefined for what is missing or unreadable: the predictor works without its figures. */
function parseHeldOut(text: string | undefined): HeldOutFigures | undefined {
  try {
    return heldOutFigures.safeParse(JSON.parse(text ?? 'null')).data
  } catch {
    return undefined
  }
}
