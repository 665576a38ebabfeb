/**
 * Statistics in the form `TRIA` (version 2) of a fork of llama.cpp: a header of 64 bytes, a number for each layer, then for each layer
 * and query head, by frequency, the mean query's real and imaginary parts, its mean length, and one row that is not used here. All
 * little-endian; without the model's rotation.
 */
import { readFileSync } from 'node:fs'
import { InputError } from '../errors.ts'
import type { Calibration, LayerCalibration } from '../eviction/calibration.ts'
import { pairOf } from '../llama/index.ts'

const magic = 0x54524941
const headerBytes = 64
const rowsPerHead = 4

interface Tria {
  readonly layers: number
  readonly heads: number
  readonly headSize: number
  readonly pairs: number
  /** layers x heads x 4 x pairs */
  readonly values: Float32Array
}

/**
 * A calibration with the values of a file.
 * @param ofModel a calibration of the same model, whose rotation and shapes count
 * @throws InputError `calibration_not_found`, `not_a_calibration`, `invalid_calibration`, `calibration_mismatch`
 */
export function importTria(path: string, ofModel: Calibration): Calibration {
  const { layers, heads, headSize, pairs, values } = readTria(path)
  const { rotation } = ofModel
  const own = ofModel.layers.map((layer) => ({ heads: layer.heads, headSize: layer.mean.length / layer.heads }))
  const fits =
    own.length === layers &&
    own.every((layer) => layer.heads === heads && layer.headSize === headSize) &&
    rotation.frequencies.length === pairs
  if (!fits) {
    const [first] = own
    throw new InputError(
      'calibration_mismatch',
      `${path} is of ${layers} layers, ${heads} heads of ${headSize} and ${pairs} frequencies, but the model has ${own.length}, ${first?.heads ?? 0} of ${first?.headSize ?? 0} and ${rotation.frequencies.length}`,
    )
  }
  const perLayer = heads * rowsPerHead * pairs
  return {
    rotation,
    layers: own.map((_, layer): LayerCalibration => {
      const ofLayer = values.subarray(layer * perLayer, (layer + 1) * perLayer)
      const mean = new Float32Array(heads * headSize)
      const length = new Float32Array(heads * pairs)
      for (let head = 0; head < heads; head++) {
        const [real, imaginary, absolute] = [0, 1, 2].map((row) => ofLayer.subarray((head * rowsPerHead + row) * pairs))
        for (let f = 0; f < pairs; f++) {
          const [first, second] = pairOf(rotation, f)
          mean[head * headSize + first] = real?.[f] ?? NaN
          mean[head * headSize + second] = imaginary?.[f] ?? NaN
          length[head * pairs + f] = absolute?.[f] ?? NaN
        }
      }
      return { heads, mean, length }
    }),
  }
}

function readTria(path: string): Tria {
  const bytes = readBytes(path)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < headerBytes || view.getUint32(0, true) !== magic)
    throw new InputError('not_a_calibration', `${path} is no statistics file in the form TRIA.`)
  const fail = (problem: string): never => {
    throw new InputError('invalid_calibration', `${path} cannot be used: ${problem}.`)
  }
  const [version = 0, layers = 0, heads = 0, , headSize = 0, pairs = 0] = [4, 8, 12, 16, 20, 24].map((at) =>
    view.getUint32(at, true),
  )
  if (version !== 2) fail(`its version is ${version}, not 2`)
  const count = layers * heads * rowsPerHead * pairs
  const start = headerBytes + 4 * layers
  if (count === 0 || bytes.length !== start + 4 * count) fail('its size is not what its header says')
  const values = Float32Array.from({ length: count }, (_, i) => view.getFloat32(start + 4 * i, true))
  if (!values.every(Number.isFinite)) fail('it has values that are not finite')
  return { layers, heads, headSize, pairs, values }
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new InputError('calibration_not_found', `${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
