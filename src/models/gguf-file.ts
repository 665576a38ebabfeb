/**
 * What a GGUF model is: the facts of its header, checked before llama.cpp sees the file, because llama.cpp aborts the process
 * on some bad ones.
 */
import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { GGMLFileQuantizationType, parseGGUFQuantLabel, parseGgufShardFilename } from '@huggingface/gguf'
import { InputError } from '../errors.ts'
import { findThinkingTags, type ThinkingTags } from '../llama/thinking-tags.ts'
import { GgufArray } from './gguf-cursor.ts'
import type { GgufScalar } from './gguf-cursor.ts'
import { checkModel, type ModelShape } from './gguf-checks.ts'
import { GgufMetadata } from './gguf-metadata.ts'
import { readGguf } from './gguf-reader.ts'
import type { GgufFile, GgufTensor } from './gguf-reader.ts'
import { VALUE_TYPE } from './gguf-types.ts'

export type { GgufTensor } from './gguf-reader.ts'

/** The tokenizer's facts; ids as the file states them. */
export interface TokenizerInfo {
  /** `gpt2` (BPE), `llama` (SPM), ... */
  readonly model: string | undefined
  /** The pre-tokenizer, e.g. `qwen2`. */
  readonly pre: string | undefined
  readonly bosId: number | undefined
  readonly eosId: number | undefined
  readonly addBos: boolean | undefined
}

/** A validated language model. Sizes in bytes, shapes in elements. */
export interface GgufInfo extends ModelShape {
  /** The file, or the first part of a split model: what llama.cpp is given. */
  readonly path: string
  /** All parts, in order; one file unless split. */
  readonly paths: readonly string[]
  readonly fileBytes: number
  /** Bytes of all tensors. */
  readonly weightBytes: number
  readonly version: number
  /** `general.architecture`, e.g. `qwen2`. */
  readonly architecture: string
  /** `general.name`, or the file's name without its ending. */
  readonly name: string
  /** e.g. `Q4_K_M`. */
  readonly quantization: string
  /** The default chat template's text. */
  readonly chatTemplate: string | undefined
  /** All chat templates by name; the default one is `default`. */
  readonly chatTemplates: ReadonlyMap<string, string>
  /** Those of the template, else of the vocabulary. */
  readonly thinkingTags: ThinkingTags
  readonly tokenizer: TokenizerInfo
  readonly tensors: readonly GgufTensor[]
  /**
   * Everything that the file states under its architecture, without the prefix, e.g. `attention.sliding_window`,
   * `attention.kv_lora_rank`, `ssm.state_size`. Lists of more than 4096 values are left out.
   */
  readonly architectureValues: ReadonlyMap<string, GgufScalar | readonly (number | string)[]>
}

/**
 * Reads and validates a model's header (all parts of a split model). Reads no weights.
 * @throws InputError `model_not_found`, `not_a_file`, `model_unreadable`, `not_gguf`, `unsupported_gguf`,
 *   `truncated_gguf`, `invalid_gguf`, `not_first_part`, `missing_part`, `not_a_language_model`
 */
export async function inspectGguf(path: string): Promise<GgufInfo> {
  const first = await readGguf(path)
  checkFirstPart(first)
  const metadata = new GgufMetadata(first)
  const files = await readParts(first, metadata)
  const tensors = files.flatMap((file) => file.tensors)
  const shape = checkModel(metadata, tensors)
  const templates = chatTemplates(metadata)
  const count = (name: string) => metadata.count(name)
  return {
    path,
    paths: files.map((file) => file.path),
    fileBytes: files.reduce((sum, file) => sum + file.fileBytes, 0),
    weightBytes: tensors.reduce((sum, tensor) => sum + tensor.bytes, 0),
    version: first.version,
    architecture: metadata.architecture,
    name: metadata.name('general.name') ?? basename(path).replace(/(-\d{5}-of-\d{5})?\.gguf$/i, ''),
    quantization: quantization(metadata, tensors),
    ...shape,
    chatTemplate: templates.get('default')?.trim() === '' ? undefined : templates.get('default'),
    chatTemplates: templates,
    thinkingTags: findThinkingTags(templates.get('default') ?? '', tokenFinder(metadata)),
    tokenizer: {
      model: metadata.text('tokenizer.ggml.model'),
      pre: metadata.text('tokenizer.ggml.pre'),
      bosId: count('tokenizer.ggml.bos_token_id'),
      eosId: count('tokenizer.ggml.eos_token_id'),
      addBos: metadata.flag('tokenizer.ggml.add_bos_token'),
    },
    tensors,
    architectureValues: architectureValues(metadata),
  }
}

/** Only the first part of a split model says what it is. */
function checkFirstPart({ path, metadata }: GgufFile) {
  const index = metadata.get('split.no')?.value
  if (typeof index !== 'number' || index === 0) return
  const first = path.replace(/-\d{5}-of-(\d{5}\.gguf)$/i, '-00001-of-$1')
  const advice = first === path ? 'Give the first part.' : `Give ${first}.`
  throw new InputError('not_first_part', `${path} is part ${index + 1} of a split model. ${advice}`)
}

async function readParts(first: GgufFile, metadata: GgufMetadata): Promise<GgufFile[]> {
  const parts = metadata.count('split.count') ?? 0
  if (parts <= 1) return [first]
  const name = parseGgufShardFilename(basename(first.path))
  if (name === null || Number(name.total) !== parts || Number(name.shard) !== 1) {
    const ending = `-00001-of-${String(parts).padStart(5, '0')}.gguf`
    metadata.fail(`it is the first part of ${parts}, so its name must end in ${ending}`)
  }
  const pathOf = (part: number) =>
    join(dirname(first.path), `${name.prefix}-${String(part + 1).padStart(5, '0')}-of-${name.total}.gguf`)
  const files = [first]
  for (let part = 1; part < parts; part++) {
    if (!existsSync(pathOf(part))) {
      throw new InputError(
        'missing_part',
        `${first.path} is the first of ${parts} parts, and part ${part + 1} is not beside it: ${pathOf(part)} is missing. Download it, too.`,
      )
    }
    const file = await readGguf(pathOf(part))
    const entry = file.metadata.get('split.no')
    if (entry?.value !== part || entry.type !== VALUE_TYPE.UINT16) {
      metadata.fail(`${file.path} is not its part ${part + 1}`)
    }
    files.push(file)
  }
  const total = files.reduce((sum, file) => sum + file.tensors.length, 0)
  const expected = metadata.count('split.tensors.count') ?? 0
  if (expected !== total) metadata.fail(`its parts hold ${total} tensors instead of ${expected}`)
  return files
}

/** Looks texts up in the vocabulary, which is read when the first is asked for. */
function tokenFinder(metadata: GgufMetadata): (text: string) => boolean {
  let tokens: ReadonlySet<string> | undefined
  return (text) => {
    tokens ??= new Set(metadata.array('tokenizer.ggml.tokens')?.strings() ?? [])
    return tokens.has(text)
  }
}

function chatTemplates(metadata: GgufMetadata): Map<string, string> {
  const prefix = 'tokenizer.chat_template'
  const templates = new Map<string, string>()
  for (const [key, { value }] of metadata.file.metadata) {
    if (typeof value !== 'string') continue
    if (key === prefix) templates.set('default', value)
    else if (key.startsWith(`${prefix}.`)) templates.set(key.slice(prefix.length + 1), value)
  }
  return templates
}

/** The name of `general.file_type`, else the one in the file's name, else the type that most weights have. */
function quantization(metadata: GgufMetadata, tensors: readonly GgufTensor[]): string {
  const guessed = 1024
  const stated = metadata.count('general.file_type')
  // 4 was once Q4_1 with some F16 and is long gone; the enumeration's other names are llama.cpp's.
  const name = stated === undefined ? undefined : GGMLFileQuantizationType[stated & ~guessed]
  if (name !== undefined) return name
  const inFileName = parseGGUFQuantLabel(basename(metadata.file.path))
  if (inFileName !== undefined) return inFileName
  const bytesByType = new Map<string, number>()
  for (const { type, bytes } of tensors) bytesByType.set(type, (bytesByType.get(type) ?? 0) + bytes)
  return [...bytesByType].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'unknown'
}

function architectureValues(metadata: GgufMetadata): Map<string, GgufScalar | (number | string)[]> {
  const prefix = `${metadata.architecture}.`
  const values = new Map<string, GgufScalar | (number | string)[]>()
  for (const [key, { value }] of metadata.file.metadata) {
    if (!key.startsWith(prefix)) continue
    const name = key.slice(prefix.length)
    if (!(value instanceof GgufArray)) values.set(name, value)
    else if (value.length <= 4096) values.set(name, [...value.numbers(), ...value.strings()])
  }
  return values
}
