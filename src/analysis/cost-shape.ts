/** What of a model decides the cost of a step: from the header of its file, or from a few numbers. */
import { InputError } from '../errors.ts'
import type { GgufInfo, GgufTensor } from '../models/gguf-file.ts'
import { attentionLayers, bytesPerCell, cellBytes, type KvType } from '../models/memory-plan.ts'
import { mayHaveWindows, windowLayers } from '../models/window-layers.ts'
import type { PaperShape } from './cost-model.ts'

export interface CostShape extends PaperShape {
  readonly name: string
  /**
   * Attention of one token over one cell, in all layers without a window: two operations for each element of each query head's key
   * and value. Heads that share keys and values save bytes, no operations.
   */
  readonly flopsPerCell: number
  /** Keys and values of one token in these layers. */
  readonly bytesPerCell: number
  /** The same of the layers with a window, which see so many cells at most. Undefined: no layer is known to have one. */
  readonly window?: { readonly cells: number; readonly flopsPerCell: number; readonly bytesPerCell: number } | undefined
  /** Elements of the matrices that each token is multiplied with: without embeddings that are looked up and experts not used. */
  readonly matrixElements: number
  /** Bytes that a step of one sequence reads of the model's weights. */
  readonly weightBytes: number
}

/** A model without a file. */
export interface HeadShape extends PaperShape {
  readonly name: string
  readonly queryHeads: number
  /** Default: as many as query heads. */
  readonly kvHeads?: number | undefined
  /** Elements of a head's key and of its value. Default: d / query heads. */
  readonly headSize?: number | undefined
  readonly matrixElements: number
  readonly bitsPerWeight: number
}

/** @throws InputError `invalid_option`, `kv_type` */
export function shapeOfHeads(given: HeadShape, kvType: KvType): CostShape {
  const { name, hiddenSize, layers, queryHeads, kvHeads = queryHeads, matrixElements, bitsPerWeight } = given
  const headSize = given.headSize ?? hiddenSize / queryHeads
  if (!Number.isInteger(headSize)) {
    throw new InputError(
      'invalid_option',
      `\`hiddenSize: ${hiddenSize}\` is no multiple of \`queryHeads: ${queryHeads}\`: give \`headSize\``,
    )
  }
  if (queryHeads % kvHeads !== 0) {
    throw new InputError('invalid_option', `\`queryHeads: ${queryHeads}\` is no multiple of \`kvHeads: ${kvHeads}\``)
  }
  const cache = { layers, kvHeadsByLayer: Array.from({ length: layers }, () => kvHeads) }
  return {
    name,
    hiddenSize,
    layers,
    flopsPerCell: 4 * layers * queryHeads * headSize,
    bytesPerCell: bytesPerCell({ ...cache, keyLength: headSize, valueLength: headSize }, kvType),
    matrixElements,
    weightBytes: (matrixElements * bitsPerWeight) / 8,
  }
}

/** @throws InputError `kv_type` */
export function shapeOfModel(info: GgufInfo, kvType: KvType): CostShape {
  const { name, hiddenSize, layers, headsByLayer, keyLength, valueLength } = info
  const windows = windowLayers(info)
  const windowLength = (name: string, other: number) =>
    numberOf(info.architectureValues.get(`attention.${name}_length_swa`)) || other
  const flops = { full: 0, window: 0 }
  for (const layer of attentionLayers(info)) {
    if ((info.kvHeadsByLayer[layer] ?? 0) === 0) continue
    const heads = headsByLayer[layer] ?? 0
    if (windows?.has(layer))
      flops.window += 2 * heads * (windowLength('key', keyLength) + windowLength('value', valueLength))
    else flops.full += 2 * heads * (keyLength + valueLength)
  }
  const bytes = cellBytes(info, kvType)
  const read = info.tensors.map((tensor) => ({ tensor, share: shareRead(tensor, info) }))
  return {
    name,
    hiddenSize,
    layers,
    flopsPerCell: flops.full,
    bytesPerCell: bytes.full,
    window:
      windows && flops.window > 0
        ? { cells: windows.window, flopsPerCell: flops.window, bytesPerCell: bytes.window?.bytes ?? 0 }
        : undefined,
    matrixElements: read
      .filter(({ tensor }) => tensor.shape.length > 1)
      .reduce((sum, { tensor, share }) => sum + share * tensor.shape.reduce((product, size) => product * size, 1), 0),
    weightBytes: read.reduce((sum, { tensor, share }) => sum + share * tensor.bytes, 0),
  }
}

/** Attention of one token over a cache that holds so many cells, in all layers. */
export function attentionFlops({ flopsPerCell, window }: CostShape, cells: number): number {
  return flopsPerCell * cells + (window ? window.flopsPerCell * Math.min(cells, window.cells) : 0)
}

/** What a token reads of such a cache. */
export function cacheBytesRead({ bytesPerCell: perCell, window }: CostShape, cells: number): number {
  return perCell * cells + (window ? window.bytesPerCell * Math.min(cells, window.cells) : 0)
}

/** What has to be said of a model's layers with a window. */
export function windowNotes(info: GgufInfo): string[] {
  if (mayHaveWindows(info)) return ['layers with a window, if it has any, are counted as if they had none']
  const windows = windowLayers(info)
  const count = attentionLayers(info).filter((layer) => windows?.has(layer)).length
  return windows && count > 0
    ? [
        `${count} of its ${info.layers} layers see ${windows.window} cells at most: a bound saves nothing in them as long as it is above that`,
      ]
    : []
}

/** Share of a tensor that a step of one sequence is multiplied with. Of what is looked up a row is read, which is nothing here. */
function shareRead({ name }: GgufTensor, { tensors, layers, architectureValues }: GgufInfo): number {
  if (name === 'token_embd.weight') return tensors.some((other) => other.name === 'output.weight') ? 0 : 1
  if (/^(per_layer_token_embd|position_embd|token_types)\./.test(name)) return 0
  const layer = Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? -1)
  if (layer >= layers - numberOf(architectureValues.get('nextn_predict_layers'))) return 0
  if (!/_exps\./.test(name)) return 1
  const experts = numberOf(architectureValues.get('expert_count'))
  return experts > 0 ? numberOf(architectureValues.get('expert_used_count')) / experts : 1
}

/** The largest where layers differ; 0 for what is no number. */
function numberOf(value: unknown): number {
  const numbers = (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'number')
  return Math.max(0, ...numbers)
}
