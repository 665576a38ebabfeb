/**
 * Statistics in the form of TriAttention's authors: `metadata` with the size of a head and a list of [layer, head], and under `stats` for
 * each of these (`layer03_head12`), by frequency, `q_mean_real`, `q_mean_imag` and `q_abs_mean`. It may be of a sample of the heads.
 */
import type { Fail, HeadStatistics, QueryStatistics } from './query-statistics.ts'
import { readTorchFile, type TorchTensor } from './torch-file.ts'

/** @param bytes of a file for which `isTorchFile` holds */
export function readTorchStatistics(bytes: Buffer, fail: Fail): QueryStatistics {
  const saved = readTorchFile(bytes, fail)
  const [metadata, stats] = ['metadata', 'stats'].map((name) => entryOf(saved, name))
  if (!(stats instanceof Map) || stats.size === 0) return fail('it has no `stats` of heads')
  const headSize = entryOf(metadata, 'head_dim')
  if (!isSize(headSize)) return fail('it does not say how large a head is')
  const measured = new Map<string, HeadStatistics>()
  let [layers, heads, pairs] = [0, 0, 0]
  for (const [name, values] of stats) {
    const [, layer, head] = /^layer(\d{1,4})_head(\d{1,4})$/.exec(String(name)) ?? fail(`${String(name)} is no head`)
    const one = headStatistics(values) ?? fail(`the statistics of ${String(name)} are incomplete`)
    if (pairs !== 0 && one.real.length !== pairs) fail('its heads are of different sizes')
    pairs = one.real.length
    layers = Math.max(layers, Number(layer) + 1)
    heads = Math.max(heads, Number(head) + 1)
    measured.set(keyOf(Number(layer), Number(head)), one)
  }
  const isSample = measured.size < layers * heads
  return { isSample, layers, heads, headSize, pairs, of: (layer, head) => measured.get(keyOf(layer, head)) }
}

const keyOf = (layer: number, head: number) => `${layer} ${head}`

function headStatistics(values: unknown): HeadStatistics | undefined {
  const [real, imaginary, length] = ['q_mean_real', 'q_mean_imag', 'q_abs_mean'].map((name) => {
    const tensor = entryOf(values, name)
    return isVector(tensor) ? tensor.values : undefined
  })
  if (!real || !imaginary || !length || real.length === 0) return undefined
  return real.length === imaginary.length && real.length === length.length ? { real, imaginary, length } : undefined
}

function isVector(value: unknown): value is TorchTensor {
  return typeof value === 'object' && value !== null && 'values' in value && (value as TorchTensor).shape.length === 1
}

function entryOf(saved: unknown, name: string): unknown {
  return saved instanceof Map ? saved.get(name) : undefined
}

function isSize(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0
}
