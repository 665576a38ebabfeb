/**
 * Whether a GGUF's header makes a language model that llama.cpp can load. Each check stands for an assertion of llama.cpp that
 * would end the process, or for a failure that it would report less clearly.
 *
 * Source: llama.cpp v0.5.0, src/llama-model.cpp (load_hparams), src/llama-vocab.cpp (load), src/models/*.cpp.
 */
import { InputError } from '../errors.ts'
import type { GgufMetadata } from './gguf-metadata.ts'
import type { GgufTensor } from './gguf-reader.ts'
import { VALUE_TYPE } from './gguf-types.ts'

const MAX_LAYERS = 512
const MAX_EXPERTS = 1024
const MAX_VOCABULARY = 4_000_000
const ROPE_SCALINGS = new Set(['none', 'linear', 'yarn', 'longrope'])
/** What `general.type` says of files that are none. */
const OTHER_TYPES = new Map([
  ['adapter', 'a LoRA adapter, which changes a model and is none'],
  ['imatrix', 'an importance matrix, which is for making quantised models'],
  ['mmproj', 'the image part of a multimodal model'],
])
const NOT_LANGUAGE_MODELS = new Map([
  ['clip', 'the image part of a multimodal model'],
  ['dynts-predictor', 'an importance predictor'],
  ['dynts-calibration', 'a calibration'],
  ['wavtokenizer-dec', 'an audio decoder'],
])
/** Types that llama.cpp computes with, but not as weights: it aborts, or reads wrong memory. */
const NOT_WEIGHT_TYPES = new Set(['I8', 'I16', 'I32', 'I64', 'F64', 'Q8_1', 'Q8_K'])
/** Architectures whose graph asserts that the keys', the values' and the rotary length are the same. */
const ONE_HEAD_LENGTH = new Set(
  'llama qwen2 qwen2moe qwen2vl qwen3 qwen3moe mistral3 smollm3 internlm2 exaone4 olmo2 starcoder2 seed_oss granite'.split(
    ' ',
  ),
)

/** llama.cpp's BOS token where the file names none; undefined: there is none. Of other tokenizers it is not known here. */
const defaultBos: ReadonlyMap<string, number | undefined> = new Map([
  ['gpt2', 11],
  ['llama', 1],
  ['bert', 101],
  ['plamo2', 1],
  ['t5', undefined],
  ['rwkv', undefined],
  ['gemma4', undefined],
])

/** The model's shape as far as every architecture has it. */
export interface ModelShape {
  readonly layers: number
  /** d: `embedding_length`. */
  readonly hiddenSize: number
  /** Query heads; the largest number where layers differ. */
  readonly heads: number
  readonly headsByLayer: readonly number[]
  /** Key-value heads; the largest number where layers differ. */
  readonly kvHeads: number
  readonly kvHeadsByLayer: readonly number[]
  /** Elements of one head's key and value. */
  readonly keyLength: number
  readonly valueLength: number
  /** The largest number where layers differ; 0 if the file does not say. */
  readonly feedForward: number
  readonly vocabularySize: number
  /** Tokens of context that the model was trained for. */
  readonly trainedContext: number
}

/** @throws InputError `invalid_gguf`, `not_a_language_model` */
export function checkModel(metadata: GgufMetadata, tensors: readonly GgufTensor[]): ModelShape {
  const other =
    NOT_LANGUAGE_MODELS.get(metadata.architecture) ?? OTHER_TYPES.get(metadata.text('general.type') ?? 'model')
  if (other !== undefined) {
    throw new InputError('not_a_language_model', `${metadata.file.path} is ${other}. Give a language model.`)
  }
  if ((metadata.count(metadata.key('pooling_type')) ?? 0) > 0) {
    throw new InputError(
      'not_a_language_model',
      `${metadata.file.path} is an embedding model (${metadata.key('pooling_type')}): it makes vectors of texts, no answers. Give a language model.`,
    )
  }
  if (tensors.length === 0) {
    throw new InputError(
      'not_a_language_model',
      `${metadata.file.path} has no weights, only the description and the vocabulary of a model. Give the whole model.`,
    )
  }
  const layers = checkLayers(metadata, tensors)
  const hiddenSize = positive(metadata, 'embedding_length')
  const trainedContext = positive(metadata, 'context_length')
  const vocabularySize = checkVocabulary(metadata)
  checkEmbedding(metadata, tensors, hiddenSize, vocabularySize)
  checkTensorTypes(metadata, tensors)
  checkExperts(metadata, layers)
  checkReals(metadata)
  const feedForward = metadata.countByLayer(metadata.key('feed_forward_length'), layers) ?? [0]
  return {
    layers,
    hiddenSize,
    trainedContext,
    vocabularySize,
    feedForward: Math.max(...feedForward),
    ...checkHeads(metadata, layers, hiddenSize),
  }
}

function positive(metadata: GgufMetadata, name: string): number {
  const value = metadata.count(metadata.key(name))
  if (value === undefined) return metadata.fail(`${metadata.key(name)} is missing`)
  return value > 0 ? value : metadata.fail(`${metadata.key(name)} is 0`)
}

function checkLayers(metadata: GgufMetadata, tensors: readonly GgufTensor[]): number {
  const layers = positive(metadata, 'block_count')
  if (layers > MAX_LAYERS) metadata.fail(`it claims ${layers} layers; llama.cpp allows ${MAX_LAYERS}`)
  const predictionLayers = metadata.count(metadata.key('nextn_predict_layers')) ?? 0
  if (predictionLayers >= layers) metadata.fail('it has no layers besides those for next-token prediction')
  let found = 0
  for (const { name } of tensors) {
    const layer = /^blk\.(\d+)\./.exec(name)?.[1]
    if (layer !== undefined) found = Math.max(found, Number(layer) + 1)
  }
  if (found > layers || found < layers - predictionLayers) {
    metadata.fail(`it claims ${layers} layers but has weights for ${found}`)
  }
  return layers
}

function checkHeads(metadata: GgufMetadata, layers: number, hiddenSize: number) {
  const headsByLayer = metadata.countByLayer(metadata.key('attention.head_count'), layers) ?? zeros(layers)
  const kvHeadsByLayer = metadata.countByLayer(metadata.key('attention.head_count_kv'), layers) ?? headsByLayer
  const heads = Math.max(...headsByLayer)
  const kvHeads = Math.max(...kvHeadsByLayer)
  const recurrent = [...metadata.file.metadata.keys()].some((key) => /\.(ssm|wkv)\./.test(key))
  if (heads === 0 && !recurrent) metadata.fail('it has no attention heads')
  for (const [layer, kv] of kvHeadsByLayer.entries()) {
    const q = headsByLayer[layer] ?? 0
    if (kv > 0 && q % kv !== 0) metadata.fail(`${q} heads of layer ${layer} cannot share ${kv} key-value heads`)
  }
  const first = headsByLayer[0] ?? 0
  const whole = first > 0 ? Math.floor(hiddenSize / first) : 0
  const length = (name: string, otherwise: number) => metadata.count(metadata.key(name)) ?? otherwise
  const keyLength = length('attention.key_length', whole)
  const valueLength = length('attention.value_length', whole)
  if (heads > 0 && first > 0 && (keyLength === 0 || valueLength === 0)) metadata.fail('its heads have no size')
  const rotary = length('rope.dimension_count', keyLength)
  if (keyLength > 0 && (rotary % 2 !== 0 || rotary > keyLength)) {
    metadata.fail(`its rotary embedding of ${rotary} does not fit keys of ${keyLength}`)
  }
  if (rotary === 0 && metadata.file.metadata.has(metadata.key('rope.dimension_sections'))) {
    metadata.fail('its rotary embedding has sections and no size')
  }
  if (ONE_HEAD_LENGTH.has(metadata.architecture) && (keyLength !== valueLength || rotary !== keyLength)) {
    metadata.fail(
      `keys of ${keyLength}, values of ${valueLength} and a rotary embedding of ${rotary} do not go together`,
    )
  }
  return { heads, headsByLayer, kvHeads, kvHeadsByLayer, keyLength, valueLength }
}

const zeros = (count: number): number[] => new Array<number>(count).fill(0)

/** Number of tokens. */
function checkVocabulary(metadata: GgufMetadata): number {
  const model = metadata.text('tokenizer.ggml.model')
  const tokens = metadata.array('tokenizer.ggml.tokens')
  if (model === undefined) return metadata.fail('it has no tokenizer')
  if (model === 'none' || model === 'no_vocab') return metadata.fail('it has no vocabulary')
  if (tokens?.elementType !== VALUE_TYPE.STRING || tokens.length === 0) return metadata.fail('it has no vocabulary')
  if (tokens.length > MAX_VOCABULARY) return metadata.fail(`it claims a vocabulary of ${tokens.length}`)
  const distinct = new Set<string>()
  let index = 0
  for (const bytes of tokens.strings('latin1')) {
    // llama.cpp reads a token as a C string: it ends at the first NUL.
    const end = bytes.indexOf('\0')
    const token = end < 0 ? bytes : bytes.slice(0, end)
    distinct.add(token === '' ? `[EMPTY_${index}]` : token)
    index++
  }
  if (distinct.size !== tokens.length) metadata.fail('its vocabulary has the same token twice')
  if (model === 'llama') checkByteTokens(metadata, distinct)
  if (model === 'rwkv') checkFirstBytes(metadata, distinct)
  checkBos(metadata, model, tokens.length)
  for (const key of ['tokenizer.ggml.token_type', 'tokenizer.ggml.scores']) {
    const list = metadata.array(key)
    if (list !== undefined && list.length < tokens.length) {
      metadata.fail(`${key} has ${list.length} values for ${tokens.length} tokens`)
    }
  }
  return tokens.length
}

/**
 * RWKV's tokenizer takes the longest token that a text begins with; where one begins with a byte that is none by itself, it may look
 * for ever.
 */
function checkFirstBytes(metadata: GgufMetadata, tokens: ReadonlySet<string>) {
  // As the file spells it: a character, or an escape such as \n or \x0a.
  const first = (token: string) => /^(\\x[0-9a-f]{2}|\\.|.)/is.exec(token)?.[0] ?? ''
  const byteOf = (spelled: string) => {
    if (!spelled.startsWith('\\')) return spelled.charCodeAt(0)
    const named = { t: 9, n: 10, r: 13 }[spelled.charAt(1)]
    return named ?? (spelled.length > 2 ? Number.parseInt(spelled.slice(2), 16) : spelled.charCodeAt(1))
  }
  const alone = new Set<number>()
  for (const token of tokens) if (token === first(token)) alone.add(byteOf(token))
  for (const token of tokens) {
    const byte = byteOf(first(token))
    if (!alone.has(byte)) metadata.fail(`its vocabulary has a token that begins with the byte ${byte}, and none for it`)
  }
}

/** A text that is to begin with a token that is not there would end the process, or begin without it. */
function checkBos(metadata: GgufMetadata, model: string, tokens: number) {
  if (metadata.flag('tokenizer.ggml.add_bos_token') !== true || !defaultBos.has(model)) return
  const stated = metadata.count('tokenizer.ggml.bos_token_id')
  const bos = stated !== undefined && stated < tokens ? stated : defaultBos.get(model)
  if (bos === undefined || bos >= tokens) {
    metadata.fail('its texts are to begin with a BOS token (tokenizer.ggml.add_bos_token), and its vocabulary has none')
  }
}

/** SentencePiece falls back to the tokens of single bytes for what it has no other token for. */
function checkByteTokens(metadata: GgufMetadata, tokens: ReadonlySet<string>) {
  for (let byte = 0; byte < 256; byte++) {
    const name = `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
    if (!tokens.has(name) && !tokens.has(String.fromCharCode(byte)))
      metadata.fail(`its vocabulary has no token ${name}`)
  }
}

function checkEmbedding(
  metadata: GgufMetadata,
  tensors: readonly GgufTensor[],
  hiddenSize: number,
  vocabularySize: number,
) {
  const embedding = tensors.find(({ name }) => name === 'token_embd.weight')
  if (embedding === undefined) return metadata.fail('it has no token embeddings (token_embd.weight)')
  const [width, rows] = embedding.shape
  const output = metadata.count(metadata.key('embedding_length_out')) ?? hiddenSize
  if (output !== hiddenSize) metadata.fail(`its output of ${output} is not its hidden size of ${hiddenSize}`)
  if (width !== hiddenSize) {
    metadata.fail(`its embeddings have ${String(width)} columns, its hidden size is ${hiddenSize}`)
  }
  if (rows !== vocabularySize) {
    metadata.fail(`its embeddings have ${String(rows)} rows, its vocabulary ${vocabularySize} tokens`)
  }
}

function checkTensorTypes(metadata: GgufMetadata, tensors: readonly GgufTensor[]) {
  for (const { name, shape, type } of tensors) {
    // DeepSeek V4 has a table of numbers among its weights.
    if (type === 'I32' && name.includes('tid2eid')) continue
    const added = shape.length === 1 || /(_norm\.weight|\.bias)$/.test(name)
    if (NOT_WEIGHT_TYPES.has(type) || (added && type !== 'F32'))
      metadata.fail(`the weights ${name} are of type ${type}`)
  }
}

function checkExperts(metadata: GgufMetadata, layers: number) {
  const count = (name: string) => metadata.count(metadata.key(name)) ?? 0
  const experts = count('expert_count')
  const used = Math.max(...(metadata.countByLayer(metadata.key('expert_used_count'), layers) ?? [0]))
  const groups = count('expert_group_count')
  const groupsUsed = count('expert_group_used_count')
  // Hunyuan's dense models state one expert, which llama.cpp counts as none.
  if (metadata.architecture.startsWith('hunyuan') && experts <= 1) return
  const fits =
    experts === 0
      ? used === 0 && groups === 0
      : experts <= MAX_EXPERTS && used > 0 && used <= experts && groups < experts
  const groupsFit = groups <= 1 || (experts % groups === 0 && groupsUsed > 0 && groupsUsed < groups)
  if (!fits || !groupsFit) {
    metadata.fail(`${experts} experts with ${used} in use and ${groups} groups do not go together`)
  }
}

function checkReals(metadata: GgufMetadata) {
  for (const name of ['layer_norm_rms_epsilon', 'layer_norm_epsilon']) {
    const epsilon = metadata.real(metadata.key(`attention.${name}`))
    if (epsilon !== undefined && epsilon < 0) metadata.fail(`${metadata.key(`attention.${name}`)} is negative`)
  }
  const base = metadata.real(metadata.key('rope.freq_base'))
  if (base !== undefined && base <= 0) metadata.fail(`${metadata.key('rope.freq_base')} is not positive`)
  const scaling = metadata.text(metadata.key('rope.scaling.type'))
  if (scaling !== undefined && !ROPE_SCALINGS.has(scaling)) metadata.fail(`the rope scaling "${scaling}" is unknown`)
}
