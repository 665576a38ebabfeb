/**
 * What a model will take of the machine's memory before it is loaded: weights, and the KV cache with and without a
 * budget. Pure arithmetic; knows nothing of llama.cpp's compute buffers, which come on top.
 *
 * Source: llama.cpp v0.5.0, src/llama-context.cpp (cells are padded to 256), src/llama-kv-cache.cpp (rows of K and V),
 * src/llama-kv-cache-iswa.cpp (cells of layers with a window).
 */
import { InputError } from '../errors.ts'
import { bytesOfCells, bytesOfToken, type CellBytes } from '../cache/cell-bytes.ts'
import { windowCells, type KvType } from '../llama/context-options.ts'
import type { GgufInfo } from './gguf-file.ts'
import { mayHaveWindows, windowLayers } from './window-layers.ts'

export type { KvType } from '../llama/context-options.ts'

/** Bytes of so many consecutive elements, by cache type. */
const KV_BLOCKS: Readonly<Record<KvType, { readonly elements: number; readonly bytes: number }>> = {
  f16: { elements: 1, bytes: 2 },
  f32: { elements: 1, bytes: 4 },
  q8_0: { elements: 32, bytes: 34 },
}
const CELL_PADDING = 256

/** What a number of a cache of this type takes on average. */
export function bytesOfNumber(kvType: KvType): number {
  return KV_BLOCKS[kvType].bytes / KV_BLOCKS[kvType].elements
}

/** What of a model decides the size of its cache. */
export type CacheShape = Pick<GgufInfo, 'layers' | 'kvHeadsByLayer' | 'keyLength' | 'valueLength'> &
  Partial<Pick<GgufInfo, 'architecture' | 'architectureValues' | 'hiddenSize'>>

export interface MemorySettings {
  /** Most cells that one sequence may hold: B, or the length of the text for the full cache. */
  readonly cellsPerSequence: number
  /** Sequences at the same time. */
  readonly sequences: number
  readonly kvType: KvType
  /** Tokens of prompt and generation together: what the full cache would have to hold for each sequence. */
  readonly textLength: number
}

/** All sizes in bytes, for all sequences together, unless named otherwise. */
export interface MemoryPlan {
  readonly weightBytes: number
  /** One token's keys and values in all layers. */
  readonly bytesPerCell: number
  /** Cells that are allocated for one sequence: its cells, padded to a multiple of 256. */
  readonly allocatedCells: number
  /** The most of them that a layer with a sliding window has; undefined: no layer is known to have one. */
  readonly windowCells: number | undefined
  readonly cacheBytes: number
  /** Whether the cache may take less: some layers may have a window, and which is not known. */
  readonly isUpperBound: boolean
  /** States of recurrent layers, which do not grow with the text; at most. 0 where there are none. */
  readonly recurrentBytes: number
  /** The same for the full cache of the whole text. */
  readonly unboundedCells: number
  readonly unboundedCacheBytes: number
}

/**
 * Bytes of one cell: keys and values of one token in all layers.
 * @throws InputError `kv_type` if a head's keys or values do not fill the type's blocks
 */
export function bytesPerCell(shape: CacheShape, kvType: KvType): number {
  return bytesOfToken(cellBytes(shape, kvType))
}

/** As `bytesPerCell`, by the layers that have the cell. */
export function cellBytes(shape: CacheShape, kvType: KvType): CellBytes {
  const block = KV_BLOCKS[kvType]
  const head = (elements: number): number => {
    if (elements % block.elements !== 0) {
      throw new InputError(
        'kv_type',
        `This model's heads of ${elements} elements do not fit ${kvType}, which needs a multiple of ${block.elements}. Use \`kvType: f16\`.`,
      )
    }
    return (elements / block.elements) * block.bytes
  }
  const valueLength = isMultiHeadLatent(shape) ? 0 : shape.valueLength
  const windows = windowLayers(shape)
  let [full, window] = [0, 0]
  for (const layer of cachedLayers(shape)) {
    const heads = shape.kvHeadsByLayer[layer] ?? 0
    if (heads === 0) continue
    if (windows?.has(layer)) {
      const lengthOf = (name: string, other: number) => number(shape, `attention.${name}_length_swa`) || other
      window += heads * (head(lengthOf('key', shape.keyLength)) + head(lengthOf('value', valueLength)))
    } else full += heads * (head(shape.keyLength) + head(valueLength))
  }
  return { full, ...(windows && window > 0 ? { window: { bytes: window, cells: windowCells(windows.window) } } : {}) }
}

/**
 * Computes what a run takes.
 * @throws InputError `kv_type`
 */
export function memoryPlan(model: CacheShape & Pick<GgufInfo, 'weightBytes'>, settings: MemorySettings): MemoryPlan {
  const perCell = cellBytes(model, settings.kvType)
  const allocatedCells = padCells(settings.cellsPerSequence)
  const unboundedCells = padCells(settings.textLength)
  return {
    weightBytes: model.weightBytes,
    bytesPerCell: bytesOfToken(perCell),
    allocatedCells,
    windowCells: perCell.window && Math.min(allocatedCells, perCell.window.cells),
    cacheBytes: settings.sequences * bytesOfCells(perCell, allocatedCells),
    isUpperBound: mayHaveWindows(model),
    recurrentBytes: recurrentBytes(model) * settings.sequences,
    unboundedCells,
    unboundedCacheBytes: settings.sequences * bytesOfCells(perCell, unboundedCells),
  }
}

/** The cells that llama.cpp allocates for a sequence of so many: the next multiple of 256. */
export function padCells(cells: number): number {
  return Math.ceil(cells / CELL_PADDING) * CELL_PADDING
}

/** Bytes for people: `28.0 KiB`, `1.6 GiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let value = bytes
  let unit = 0
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(value < 100 ? 1 : 0)} ${units[unit] ?? ''}`
}

/** What a run will take and, if that is less than the full cache, what the full cache would take: one or two lines. */
export function formatMemoryPlan(plan: MemoryPlan, sequences = 1): string {
  const each = sequences > 1 ? ` for each of ${sequences} sequences` : ''
  const cells = (count: number) => `${count.toLocaleString('en-US')} cells of ${formatBytes(plan.bytesPerCell)}${each}`
  const atMost = plan.isUpperBound ? 'at most ' : ''
  const { windowCells: few = plan.allocatedCells } = plan
  const windows =
    few < plan.allocatedCells ? `, ${few.toLocaleString('en-US')} of them in layers with a sliding window` : ''
  const taken = `weights ${formatBytes(plan.weightBytes)}, cache ${atMost}${formatBytes(plan.cacheBytes)} (${cells(plan.allocatedCells)}${windows})${plan.recurrentBytes > 0 ? `, recurrent states ${formatBytes(plan.recurrentBytes)}` : ''}`
  if (plan.unboundedCells <= plan.allocatedCells) return taken
  return `${taken}\nwithout a budget the cache would take ${atMost}${formatBytes(plan.unboundedCacheBytes)} (${cells(plan.unboundedCells)})`
}

/**
 * Bytes of the recurrent layers' states of one sequence, float32.
 *
 * Source: llama.cpp v0.5.0, src/llama-hparams.cpp (n_embd_r, n_embd_s).
 */
export function recurrentBytes(shape: CacheShape): number {
  const convolved =
    number(shape, 'ssm.inner_size') + 2 * number(shape, 'ssm.group_count') * number(shape, 'ssm.state_size')
  const shortConvolution = Math.max(0, number(shape, 'shortconv.l_cache') - 1) * (shape.hiddenSize ?? 0)
  const convolution = Math.max(0, number(shape, 'ssm.conv_kernel') - 1) * convolved
  const state = number(shape, 'ssm.state_size') * number(shape, 'ssm.inner_size')
  return recurrentLayers(shape) * (shortConvolution + convolution + state) * 4
}

/** All layers without a KV cache; in Falcon-H1 all, and in Nemotron-H those of them that are no feed-forward layers. */
function recurrentLayers(shape: CacheShape): number {
  const { architecture = '', architectureValues, kvHeadsByLayer } = shape
  const own = ownLayers(shape)
  if (architecture === 'falcon-h1') return own
  const attention = cachedLayers(shape).filter((layer) => (kvHeadsByLayer[layer] ?? 0) > 0)
  const lengths = architectureValues?.get('feed_forward_length')
  const isSingle = architecture.startsWith('nemotron_h') && typeof lengths === 'object'
  const feedForward = isSingle ? lengths.filter((length) => Number(length) > 0) : []
  return own - attention.length - feedForward.length
}

/** Latent attention (DeepSeek) caches one compressed key, of which the value is a part. */
function isMultiHeadLatent(shape: CacheShape): boolean {
  return number(shape, 'attention.key_length_mla') > 0
}

/** Layers that look at cells, also at those of another layer: not those for next-token prediction, nor recurrent ones. */
export function attentionLayers(shape: CacheShape): number[] {
  const interval = number(shape, 'full_attention_interval')
  const all = Array.from({ length: Math.max(0, ownLayers(shape)) }, (_, layer) => layer)
  return interval > 1 ? all.filter((layer) => (layer + 1) % interval === 0) : all
}

/** Those of them that have a cache of their own: the last ones may share another's. */
function cachedLayers(shape: CacheShape): number[] {
  const cached = ownLayers(shape) - number(shape, 'attention.shared_kv_layers')
  return attentionLayers(shape).filter((layer) => layer < cached)
}

function ownLayers(shape: CacheShape): number {
  return shape.layers - number(shape, 'nextn_predict_layers')
}

function number(shape: CacheShape, key: string): number {
  const value = shape.architectureValues?.get(key)
  return typeof value === 'number' ? value : 0
}
