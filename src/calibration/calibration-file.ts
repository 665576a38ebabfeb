/** The calibration's file: one GGUF with the means of a model's queries, how it rotates them, and which model it belongs to. */
import { InputError } from '../errors.ts'
import type { Calibration, LayerCalibration } from '../eviction/calibration.ts'
import { writeGguf, type GgufMatrix, type LlamaLibrary, type Rotation } from '../llama/index.ts'
import { GgufMetadata } from '../models/gguf-metadata.ts'
import { readGguf, type GgufFile } from '../models/gguf-reader.ts'
import {
  differentFact,
  fingerprintMetadata,
  readFingerprint,
  readMatrix,
  type Fingerprint,
} from '../predictor/index.ts'

const architecture = 'dynts-calibration'
const key = (name: string) => `${architecture}.${name}`
const frequenciesName = 'frequencies'
const meanName = (layer: number) => `layer.${layer}.mean`
const lengthName = (layer: number) => `layer.${layer}.length`

export interface CalibrationFile extends Calibration {
  readonly model: Fingerprint
  /** Of the text that was read; 0: imported. */
  readonly tokens: number
}

/** @throws EngineError `write_failed` */
export function writeCalibration(library: LlamaLibrary, path: string, calibration: CalibrationFile): void {
  const { model, tokens, rotation, layers } = calibration
  const metadata = {
    'general.architecture': architecture,
    'general.type': 'calibration',
    'general.name': `Calibration of ${model.name}`,
    [key('version')]: { u32: 1 },
    ...fingerprintMetadata(architecture, model),
    [key('tokens')]: { u32: tokens },
    [key('pairing')]: rotation.pairing,
    // A float32 would not hold all digits.
    [key('scale')]: String(rotation.scale),
  }
  const matrix = (name: string, rows: number, values: Float32Array): GgufMatrix => {
    return { name, rows, columns: values.length / rows, values }
  }
  const matrices = [
    matrix(frequenciesName, 1, Float32Array.from(rotation.frequencies)),
    ...layers.flatMap(({ heads, mean, length }, layer) => [
      matrix(meanName(layer), heads, mean),
      matrix(lengthName(layer), heads, length),
    ]),
  ]
  writeGguf(library, path, metadata, matrices)
}

/**
 * @throws InputError `not_a_calibration` for a GGUF of another kind, `invalid_calibration` for a damaged one, and what `readGguf`
 *   throws
 */
export async function readCalibration(path: string): Promise<CalibrationFile> {
  const file = await readGguf(path)
  const metadata = new GgufMetadata(file)
  if (metadata.architecture !== architecture)
    throw new InputError('not_a_calibration', `${path} is a ${metadata.architecture} file, not a calibration.`)
  const fail = (problem: string): never => {
    throw new InputError(
      'invalid_calibration',
      `${path} is not a usable calibration: ${problem}. Run dynts calibrate again.`,
    )
  }
  if (metadata.count(key('version')) !== 1) fail('it was written by another version of dynts')
  const model = readFingerprint(architecture, metadata, fail)
  const pairing = metadata.text(key('pairing'))
  if (pairing !== 'halves' && pairing !== 'adjacent') return fail('how channels are paired is unknown')
  const scale = Number(metadata.text(key('scale')))
  if (!(scale > 0)) fail('its scale is no number above 0')
  const read = reader(file, fail)
  const frequencies = Float64Array.from((await read(frequenciesName))?.weights ?? fail('its frequencies are missing'))
  const rotation: Rotation = { pairing, frequencies, scale }
  const layers = await readLayers(read, frequencies.length, fail)
  return { model, tokens: metadata.count(key('tokens')) ?? 0, rotation, layers }
}

/** Why a calibration does not fit a model, or undefined if it does. */
export function calibrationMismatch({ model: its }: CalibrationFile, model: Fingerprint): string | undefined {
  const different = differentFact(its, model)
  if (!different) return undefined
  const { fact, a, b } = different
  return `it was made for ${its.name} (${fact} ${a}), but the model's ${fact} is ${b}`
}

type Reader = (name: string) => ReturnType<typeof readMatrix> | undefined

function reader(file: GgufFile, fail: (problem: string) => never): Reader {
  return (name) => {
    const tensor = file.tensors.find((one) => one.name === name)
    return tensor && readMatrix(file.path, tensor, fail)
  }
}

async function readLayers(read: Reader, pairs: number, fail: (problem: string) => never): Promise<LayerCalibration[]> {
  const layers: LayerCalibration[] = []
  for (;;) {
    const mean = await read(meanName(layers.length))
    if (!mean) break
    const length = (await read(lengthName(layers.length))) ?? fail('lengths are missing')
    const { rows: heads, columns: headSize } = mean
    if (length.rows !== heads || length.columns !== pairs || 2 * pairs > headSize)
      fail('its shapes contradict each other')
    if (![mean, length].every(({ weights }) => weights.every(Number.isFinite)))
      fail('it has values that are not finite')
    layers.push({ heads, mean: mean.weights, length: length.weights })
  }
  return layers.length > 0 ? layers : fail('it has no layers')
}
