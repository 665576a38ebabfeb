/**
 * A model with random weights and the shape of a real one, and a random importance predictor for it. What they say means
 * nothing; how long they take does not depend on that. The files are the same on every machine for the same seed, and are
 * written once.
 */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { writeCalibration } from '../src/calibration/calibration-file.ts'
import { loadLibrary, type GpuChoice } from '../src/llama/index.ts'
import { writeCheckpoint, type PredictorCheckpoint } from '../src/predictor/index.ts'
import { tensorBytes, writeGgufFile, type MetadataValue, type TensorPlan } from './gguf-file-writer.ts'
import type { Progress } from './progress.ts'
import { Random } from './random.ts'
import { randomRows, rowBytes } from './random-tensor.ts'
import { bosToken, chatTemplate, eosToken, firstWord, vocabulary } from './random-vocabulary.ts'
import type { BenchOptions } from './scenario.ts'
import type { Shape } from './shapes.ts'

export interface ModelFiles {
  readonly model: string
  readonly predictor: string
  readonly calibration: string
}

/** Part of the files' names: change it when their content changes. */
const revision = 1

/** Makes what is not there yet. */
export async function randomModel(
  shape: Shape,
  folder: string,
  { seed, gpu }: Pick<BenchOptions, 'seed' | 'gpu'>,
  progress: Progress,
): Promise<ModelFiles> {
  await mkdir(folder, { recursive: true })
  const stem = join(folder, `random-${shape.name}-q4_0-seed${seed}-r${revision}`)
  const files = { model: `${stem}.gguf`, predictor: `${stem}.predictor.gguf`, calibration: `${stem}.calibration.gguf` }
  if (!existsSync(files.model)) await writeModel(files.model, shape, seed, progress)
  if (!existsSync(files.predictor)) writePredictor(files.predictor, shape, seed, gpu)
  if (!existsSync(files.calibration)) writeRandomCalibration(files.calibration, shape, seed, gpu)
  return files
}

interface RandomTensor extends TensorPlan {
  /** Standard deviation of the weights. */
  readonly deviation: number
  /** Every value is this one instead. */
  readonly constant?: number
}

async function writeModel(path: string, shape: Shape, seed: number, progress: Progress): Promise<void> {
  const tensors = plan(shape)
  const total = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0)
  let done = 0
  const random = new Random(seed)
  await writeGgufFile(
    path,
    metadata(shape),
    tensors,
    (tensor) => rowsOf(tensor, random),
    (bytes) => {
      done += bytes
      progress.show(`writing ${shape.name} with random weights`, done / total)
    },
  )
  progress.end()
}

const layer = (i: number, name: string) => `blk.${i}.${name}`

/** Deviations keep activations near 1: 1 / sqrt(inputs), and the residual stream grows little from layer to layer. */
function plan(shape: Shape): RandomTensor[] {
  const { layers, hiddenSize, heads, kvHeads, headSize, feedForward, vocabularySize } = shape
  const matrix = (name: string, rows: number, columns: number, gain = 1): RandomTensor => {
    return { name, type: 'Q4_0', rows, columns, deviation: gain / Math.sqrt(columns) }
  }
  const bias = (name: string, columns: number): RandomTensor => ({
    name,
    type: 'F32',
    rows: 1,
    columns,
    deviation: 0.1,
  })
  const norm = (name: string): RandomTensor => {
    return { name, type: 'F32', rows: 1, columns: hiddenSize, deviation: 0, constant: 1 }
  }
  const residual = 1 / Math.sqrt(2 * layers)
  return [
    { name: 'token_embd.weight', type: 'Q4_0', rows: vocabularySize, columns: hiddenSize, deviation: 1 },
    ...Array.from({ length: layers }, (_, i) => [
      norm(layer(i, 'attn_norm.weight')),
      matrix(layer(i, 'attn_q.weight'), heads * headSize, hiddenSize),
      bias(layer(i, 'attn_q.bias'), heads * headSize),
      matrix(layer(i, 'attn_k.weight'), kvHeads * headSize, hiddenSize),
      bias(layer(i, 'attn_k.bias'), kvHeads * headSize),
      matrix(layer(i, 'attn_v.weight'), kvHeads * headSize, hiddenSize),
      bias(layer(i, 'attn_v.bias'), kvHeads * headSize),
      matrix(layer(i, 'attn_output.weight'), hiddenSize, heads * headSize, residual),
      norm(layer(i, 'ffn_norm.weight')),
      matrix(layer(i, 'ffn_gate.weight'), feedForward, hiddenSize),
      matrix(layer(i, 'ffn_up.weight'), feedForward, hiddenSize),
      matrix(layer(i, 'ffn_down.weight'), hiddenSize, feedForward, residual),
    ]).flat(),
    norm('output_norm.weight'),
    // llama-quantize gives an untied output matrix six bits when the rest has four.
    { ...matrix('output.weight', vocabularySize, hiddenSize), type: 'Q6_K' },
  ]
}

/** At most this many bytes are made at a time. */
const pieceBytes = 8 * 2 ** 20

function* rowsOf(tensor: RandomTensor, random: Random): Generator<Uint8Array> {
  const { name, type, rows, columns, deviation, constant } = tensor
  if (constant !== undefined) {
    yield new Uint8Array(new Float32Array(rows * columns).fill(constant).buffer)
    return
  }
  const rowsAtATime = Math.max(1, Math.floor(pieceBytes / rowBytes(type, columns)))
  for (let row = 0; row < rows; row += rowsAtATime) {
    const piece = randomRows(type, Math.min(rowsAtATime, rows - row), columns, deviation, random)
    // Rows of zeros give tags and control tokens a logit of 0, which is never the largest: nothing ends a run early.
    if (name === 'output.weight' && row === 0)
      piece.fill(0, eosToken * rowBytes(type, columns), firstWord * rowBytes(type, columns))
    yield piece
  }
}

function metadata(shape: Shape): Record<string, MetadataValue> {
  const { tokens, types } = vocabulary(shape.vocabularySize)
  return {
    'general.architecture': { text: 'qwen2' },
    'general.name': { text: `random ${shape.name}` },
    'general.file_type': { u32: 2 },
    'general.quantization_version': { u32: 2 },
    'qwen2.block_count': { u32: shape.layers },
    'qwen2.context_length': { u32: shape.trainedContext },
    'qwen2.embedding_length': { u32: shape.hiddenSize },
    'qwen2.feed_forward_length': { u32: shape.feedForward },
    'qwen2.attention.head_count': { u32: shape.heads },
    'qwen2.attention.head_count_kv': { u32: shape.kvHeads },
    'qwen2.attention.layer_norm_rms_epsilon': { f32: 1e-6 },
    'qwen2.rope.freq_base': { f32: 10_000 },
    'tokenizer.ggml.model': { text: 'gpt2' },
    'tokenizer.ggml.pre': { text: 'qwen2' },
    'tokenizer.ggml.tokens': { texts: tokens },
    'tokenizer.ggml.token_type': { i32s: types },
    'tokenizer.ggml.merges': { texts: ['Ġ a'] },
    'tokenizer.ggml.bos_token_id': { u32: bosToken },
    'tokenizer.ggml.eos_token_id': { u32: eosToken },
    'tokenizer.ggml.padding_token_id': { u32: eosToken },
    'tokenizer.ggml.add_bos_token': { bool: true },
    'tokenizer.chat_template': { text: chatTemplate },
  }
}

/** Layers d, 2d, d/2, 1. */
function writePredictor(path: string, shape: Shape, seed: number, gpu: GpuChoice): void {
  const { hiddenSize: d, layers, vocabularySize } = shape
  const random = new Random(seed + 1)
  const matrix = (rows: number, columns: number) => {
    const bytes = randomRows('F32', rows, columns, 1 / Math.sqrt(columns), random)
    return { rows, columns, weights: new Float32Array(bytes.buffer) }
  }
  const checkpoint: PredictorCheckpoint = {
    matrices: [matrix(2 * d, d), matrix(d / 2, 2 * d), matrix(1, d / 2)],
    target: 'power:0.3',
    model: { architecture: 'qwen2', hiddenSize: d, layers, vocabularySize, name: `random ${shape.name}` },
  }
  writeCheckpoint(loadLibrary(gpu), path, checkpoint)
}

function writeRandomCalibration(path: string, shape: Shape, seed: number, gpu: GpuChoice): void {
  const { hiddenSize, layers, vocabularySize, heads, headSize } = shape
  const random = new Random(seed + 2)
  const pairs = headSize / 2
  const values = (count: number, least: number) => Float32Array.from({ length: count }, () => least + random.uniform(1))
  writeCalibration(loadLibrary(gpu), path, {
    model: { architecture: 'qwen2', hiddenSize, layers, vocabularySize, name: `random ${shape.name}` },
    tokens: 0,
    rotation: {
      pairing: 'halves',
      scale: 1,
      frequencies: Float64Array.from({ length: pairs }, (_, f) => 10_000 ** (-f / pairs)),
    },
    layers: Array.from({ length: layers }, () => {
      return { heads, mean: values(heads * headSize, 0), length: values(heads * pairs, 2) }
    }),
  })
}
