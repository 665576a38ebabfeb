/**
 * Reads predictors in the naming of the authors' code: `is_head.0.weight`, `is_head.2.weight`, `is_head.4.weight`, with
 * Softplus in between and at the end.
 */
import { readFile } from 'node:fs/promises'
import { Float16Array } from '@petamoriken/float16'
import { z } from 'zod'
import { InputError } from '../errors.ts'
import { reasonOf } from '../records/file-failure.ts'
import { mostLayers } from '../llama/index.ts'
import type { WeightMatrix } from './checkpoint.ts'

const headerSchema = z.record(
  z.string(),
  z.object({ dtype: z.string(), shape: z.array(z.int().positive()), data_offsets: z.tuple([z.int(), z.int()]) }),
)
type Entry = z.output<typeof headerSchema>[string]

/**
 * The three matrices, in order.
 * @throws InputError `predictor_not_found`, `not_safetensors`, `invalid_predictor`
 */
export async function readSafetensorsPredictor(path: string): Promise<WeightMatrix[]> {
  const buffer = await readFile(path).catch((error: unknown) => {
    throw new InputError('predictor_not_found', `${path} cannot be read: ${reasonOf(error)}.`, {
      cause: error,
    })
  })
  const bytes = new Uint8Array(buffer)
  const { header, dataStart } = parseHeader(path, bytes)
  const names = Object.keys(header).filter((name) => /(^|\.)is_head\.\d+\.weight$/.test(name))
  names.sort((a, b) => layerIndex(a) - layerIndex(b))
  if (names.length === 0) {
    throw new InputError('invalid_predictor', `${path} holds no tensors named is_head.0.weight, is_head.2.weight, ...`)
  }
  if (names.length > mostLayers) {
    throw new InputError('invalid_predictor', `${path} has ${names.length} layers, more than ${mostLayers}.`)
  }
  if (Object.keys(header).some((name) => /(^|\.)is_head\.\d+\.bias$/.test(name))) {
    throw new InputError('invalid_predictor', `${path} has biases; a DynTS predictor has none.`)
  }
  const matrices = names.map((name) => {
    const entry = header[name]
    if (!entry) throw new Error(`${name} vanished`)
    return readMatrix(path, name, entry, bytes, dataStart)
  })
  matrices.forEach((matrix, i) => {
    const next = matrices[i + 1]
    if (next && next.columns !== matrix.rows) {
      throw new InputError('invalid_predictor', `${path}: ${names[i + 1]} does not take what ${names[i]} gives.`)
    }
  })
  if (matrices.at(-1)?.rows !== 1)
    throw new InputError('invalid_predictor', `${path}: the last layer must give one number.`)
  return matrices
}

function parseHeader(path: string, bytes: Uint8Array) {
  const fail = (cause?: unknown): never => {
    throw new InputError('not_safetensors', `${path} is not a safetensors file.`, { cause })
  }
  if (bytes.length < 10) fail()
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  if (length > bytes.length - 8) fail()
  try {
    const json = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<string, unknown>
    delete json['__metadata__']
    return { header: headerSchema.parse(json), dataStart: 8 + length }
  } catch (error) {
    return fail(error)
  }
}

function readMatrix(path: string, name: string, entry: Entry, bytes: Uint8Array, dataStart: number): WeightMatrix {
  const [rows = 0, columns = 0] = entry.shape
  const [from, to] = entry.data_offsets
  const size = { F32: 4, F16: 2, BF16: 2 }[entry.dtype]
  if (entry.shape.length !== 2 || size === undefined) {
    throw new InputError('invalid_predictor', `${path}: ${name} must be a float32, float16 or bfloat16 matrix.`)
  }
  if (from < 0 || to - from !== rows * columns * size || dataStart + to > bytes.length) {
    throw new InputError('invalid_predictor', `${path}: ${name} is truncated or mislabelled.`)
  }
  const data = bytes.slice(dataStart + from, dataStart + to).buffer
  const weights =
    entry.dtype === 'F32'
      ? new Float32Array(data)
      : entry.dtype === 'F16'
        ? Float32Array.from(new Float16Array(data))
        : new Float32Array(Uint32Array.from(new Uint16Array(data), (high) => high << 16).buffer)
  if (!weights.every(Number.isFinite))
    throw new InputError('invalid_predictor', `${path}: ${name} has values that are not finite.`)
  return { rows, columns, weights }
}

function layerIndex(name: string): number {
  return Number(/(\d+)\.weight$/.exec(name)?.[1])
}
