/** Reads a text with a model, and takes the means of its queries. */
import { EngineError, InputError } from '../errors.ts'
import type { Calibration, LayerCalibration } from '../eviction/calibration.ts'
import {
  cacheLayersOf,
  LlamaContext,
  pairOf,
  QueryProbe,
  type LayerQueries,
  type LlamaModel,
  type Rotation,
} from '../llama/index.ts'

export interface CalibrateOptions {
  readonly threads?: number | undefined
  /** Tokens that see each other; longer texts are read in so many at a time. Default 4096, the trained context at most. */
  readonly windowTokens?: number | undefined
  /** Position of the first token of each window. Default 0; queries do not depend on it. */
  readonly start?: number | undefined
}

/** Tokens of a pass, so that it can be stopped in between. */
const passTokens = 64

/**
 * After each pass it yields how many tokens have been read.
 * @param texts tokens of each, which begins anew
 * @throws InputError `not_calibratable`; EngineError `context_not_created`, `decode_failed`
 */
export function* calibrate(
  model: LlamaModel,
  texts: readonly (readonly number[])[],
  options: CalibrateOptions = {},
): Generator<number, Calibration, undefined> {
  const { threads, start = 0 } = options
  if (model.notReadable !== undefined) throw notCalibratable(model.notReadable)
  const longest = Math.max(0, ...texts.map(({ length }) => length))
  const window = Math.min(options.windowTokens ?? 4096, model.trainedContext, longest)
  const sums = new Map<number, LayerSums>()
  const probe = new QueryProbe(model.library, (queries) => addQueries(sums, queries))
  using context = contextFor(model, probe, window, threads)
  let read = 0
  for (const text of texts) {
    for (const [from, end] of passes(text.length, window)) {
      const position = from % window
      if (position === 0) context.clear(0)
      context.append(0, text.slice(from, end), start + position, 'none')
      checkRead(probe)
      yield (read += end - from)
    }
  }
  const layers = [...sums].filter(([layer]) => !model.hasWindow || probe.hasFullAttention(layer))
  return calibrationOf(
    layers.sort(([a], [b]) => a - b).map(([, sum]) => sum),
    cacheLayersOf(model).full.layers,
  )
}

/** None crosses the end of a window. */
function* passes(length: number, window: number): Generator<[from: number, end: number]> {
  for (let from = 0; from < length;) {
    const end = Math.min(length, from + passTokens, (Math.floor(from / window) + 1) * window)
    yield [from, end]
    from = end
  }
}

/** @throws InputError `not_calibratable` for queries of an unknown form */
function checkRead(probe: QueryProbe): void {
  try {
    probe.check()
  } catch (error) {
    if (error instanceof EngineError && ['query_shape', 'unknown_rotation'].includes(error.code))
      throw notCalibratable(error.message)
    throw error
  }
}

function contextFor(model: LlamaModel, queryProbe: QueryProbe, cells: number, threads: number | undefined) {
  try {
    return LlamaContext.create(model, {
      cellsPerSequence: cells,
      batchTokens: passTokens,
      threads,
      queryProbe,
      ...(model.hasWindow && { flashAttention: false }),
    })
  } catch (error) {
    queryProbe.dispose()
    throw error
  }
}

interface LayerSums {
  readonly rotation: Rotation
  readonly heads: number
  tokens: number
  /** heads x head size */
  readonly query: Float64Array
  /** heads x pairs */
  readonly length: Float64Array
}

function addQueries(
  sums: Map<number, LayerSums>,
  { layer, tokens, heads, headSize, values, rotation }: LayerQueries,
): void {
  const pairs = rotation.frequencies.length
  const known = sums.get(layer)
  const sum = known ?? {
    rotation,
    heads,
    tokens: 0,
    query: new Float64Array(heads * headSize),
    length: new Float64Array(heads * pairs),
  }
  if (!known) sums.set(layer, sum)
  const { query, length } = sum
  const perToken = heads * headSize
  for (let i = 0; i < values.length; i++) query[i % perToken] = (query[i % perToken] as number) + (values[i] as number)
  for (let f = 0; f < pairs; f++) {
    const [first, second] = pairOf(rotation, f)
    for (let i = 0; i < tokens * heads; i++) {
      const [x, y] = [values[i * headSize + first] as number, values[i * headSize + second] as number]
      const at = (i % heads) * pairs + f
      length[at] = (length[at] as number) + Math.sqrt(x * x + y * y)
    }
  }
  sum.tokens += tokens
}

/** @throws InputError `not_calibratable` where the layers are not those whose keys can be read, or rotate differently */
function calibrationOf(sums: readonly LayerSums[], cachedLayers: number): Calibration {
  const [first] = sums
  if (!first || sums.length !== cachedLayers) {
    throw notCalibratable(
      `rotated queries were seen in ${sums.length} of its ${cachedLayers} layers with full attention and a cache`,
    )
  }
  const { rotation } = first
  if (!sums.every((sum) => isSame(sum.rotation, rotation))) throw notCalibratable('its layers rotate differently')
  const layers = sums.map(({ heads, tokens, query, length }): LayerCalibration => {
    return {
      heads,
      mean: Float32Array.from(query, (x) => x / tokens),
      length: Float32Array.from(length, (x) => x / tokens),
    }
  })
  if (!layers.every(({ mean }) => mean.every(Number.isFinite)))
    throw new EngineError('not_finite', 'the model gave queries that are no numbers')
  return { rotation, layers }
}

function isSame(a: Rotation, b: Rotation): boolean {
  return (
    a.pairing === b.pairing &&
    a.scale === b.scale &&
    a.frequencies.length === b.frequencies.length &&
    a.frequencies.every((frequency, f) => frequency === b.frequencies[f])
  )
}

function notCalibratable(why: string): InputError {
  return new InputError('not_calibratable', `This model cannot be calibrated: ${why}.`)
}
