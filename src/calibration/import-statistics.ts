/** Statistics of queries that another program has measured, made a calibration with the rotations of the model itself. */
import { statSync, readFileSync } from 'node:fs'
import { InputError } from '../errors.ts'
import type { Calibration, LayerCalibration } from '../eviction/calibration.ts'
import { pairOf } from '../llama/index.ts'
import { reasonOf } from '../records/file-failure.ts'
import { readableFile } from '../records/input-file.ts'
import type { Fail, QueryStatistics } from './query-statistics.ts'
import { isTorchFile } from './torch-file.ts'
import { readTorchStatistics } from './torch-statistics.ts'
import { isTria, readTria } from './tria.ts'

/** A few megabytes are usual. */
const mostBytes = 2 ** 28

/**
 * A calibration with the statistics of a file: in the form TRIA, or in that of TriAttention's authors (torch).
 * @param ofModel a calibration of the same model, whose rotation and shapes count
 * @throws InputError `calibration_not_found`, `not_a_calibration`, `invalid_calibration`, `calibration_mismatch`
 */
export function importStatistics(path: string, ofModel: Calibration): Calibration {
  const statistics = readStatistics(path)
  checkModel(path, statistics, ofModel)
  const { headSize, pairs } = statistics
  const { rotation } = ofModel
  const layers = ofModel.layers.map(({ heads }, layer): LayerCalibration => {
    const mean = new Float32Array(heads * headSize)
    const length = new Float32Array(heads * pairs)
    for (let head = 0; head < heads; head++) {
      const measured = statistics.of(layer, head)
      if (!measured) continue
      for (let f = 0; f < pairs; f++) {
        const [first, second] = pairOf(rotation, f)
        mean[head * headSize + first] = measured.real[f] ?? NaN
        mean[head * headSize + second] = measured.imaginary[f] ?? NaN
        length[head * pairs + f] = measured.length[f] ?? NaN
      }
    }
    return { heads, mean, length }
  })
  if (!layers.every(({ mean, length }) => [mean, length].every((values) => values.every(Number.isFinite))))
    throw invalid(path, 'it has values that are not finite')
  return { rotation, layers }
}

function readStatistics(path: string): QueryStatistics {
  const bytes = readBytes(path)
  const fail: Fail = (problem) => {
    throw invalid(path, problem)
  }
  if (isTria(bytes)) return readTria(bytes, fail)
  if (isTorchFile(bytes)) return readTorchStatistics(bytes, fail)
  throw new InputError(
    'not_a_calibration',
    `${path} is no statistics file: known are the form TRIA and that of TriAttention’s authors (.pt).`,
  )
}

function checkModel(path: string, its: QueryStatistics, { rotation, layers }: Calibration): void {
  const own = layers.map((layer) => ({ heads: layer.heads, headSize: layer.mean.length / layer.heads }))
  const isAsMany = (count: number, known: number) => count === known || (its.isSample && count > known)
  const fits =
    isAsMany(own.length, its.layers) &&
    own.every(({ heads, headSize }) => isAsMany(heads, its.heads) && headSize === its.headSize) &&
    rotation.frequencies.length === its.pairs
  if (fits) return
  const [first] = own
  throw new InputError(
    'calibration_mismatch',
    `${path} is of ${its.layers} layers, ${its.heads} heads of ${its.headSize} and ${its.pairs} frequencies, but the model has ${own.length}, ${first?.heads ?? 0} of ${first?.headSize ?? 0} and ${rotation.frequencies.length}`,
  )
}

function invalid(path: string, problem: string): InputError {
  return new InputError('invalid_calibration', `${path} cannot be used: ${problem}.`)
}

function readBytes(path: string): Buffer {
  const file = readableFile(path, { missing: 'calibration_not_found', invalid: 'invalid_calibration' })
  try {
    if (statSync(file).size > mostBytes) throw invalid(path, 'it is larger than statistics are')
    return readFileSync(file)
  } catch (error) {
    if (error instanceof InputError) throw error
    throw new InputError('calibration_not_found', `${path} cannot be read: ${reasonOf(error)}.`, {
      cause: error,
    })
  }
}
