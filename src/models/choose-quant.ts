/**
 * Which of a repository's files make the model that was asked for, by their names alone.
 *
 * Source of the rules: llama.cpp v0.5.0, common/download.cpp (find_best_model, gguf_filename_is_model), so that
 * `user/repo:QUANT` means the same.
 */
import {
  GGUF_QUANT_ORDER,
  GGMLFileQuantizationType,
  parseGGUFQuantLabel,
  parseGgufShardFilename,
} from '@huggingface/gguf'
import { InputError } from '../errors.ts'
import { endingOf, madeFileKinds } from './made-file-name.ts'
import type { HubReference } from './reference.ts'

/** One model of a repository: a file, or the parts of a split one. */
export interface ModelFiles<File extends { readonly path: string }> {
  /** e.g. `Q4_K_M`; the file's name if that does not tell. */
  readonly quant: string
  /** In order of the parts. */
  readonly files: readonly File[]
}

const PREFERRED = ['Q4_K_M', 'Q8_0']
/** What llama.cpp looks for in a file's name, as it is written here: a model's own name may well have `MTP-` in it. */
const NOT_MODELS = ['mmproj', 'imatrix', 'mtp-', 'eagle3-', 'dflash-', 'dspark-', ...madeFileKinds.map(endingOf)]

/** All language models among files, complete ones only, in the order of their names. */
export function groupModels<File extends { readonly path: string }>(files: readonly File[]): ModelFiles<File>[] {
  return groupFiles(files.filter(({ path }) => !NOT_MODELS.some((part) => baseName(path).includes(part))))
}

/** As `groupModels`, and what belongs to a model but is none: projectors, drafts, importance matrices. */
function groupFiles<File extends { readonly path: string }>(files: readonly File[]): ModelFiles<File>[] {
  const groups = new Map<string, { total: number; files: File[] }>()
  for (const file of files) {
    const { path } = file
    if (!/\.gguf$/i.test(path)) continue
    const part = parseGgufShardFilename(path)
    const key = part === null ? path : `${part.prefix}-of-${part.total}`
    const group = groups.get(key) ?? { total: part === null ? 1 : Number(part.total), files: [] }
    group.files.push(file)
    groups.set(key, group)
  }
  return [...groups.values()]
    .filter((group) => group.files.length === group.total)
    .map((group) => group.files.sort((a, b) => (a.path < b.path ? -1 : 1)))
    .map((parts) => ({ quant: quantOf(parts[0]?.path ?? ''), files: parts }))
    .sort((a, b) => ((a.files[0]?.path ?? '') < (b.files[0]?.path ?? '') ? -1 : 1))
}

/**
 * The model that a reference means. A file that is named may be any GGUF.
 * @throws InputError `quant_not_found`, which names the quants that there are
 */
export function chooseModel<File extends { readonly path: string }>(
  reference: HubReference,
  files: readonly File[],
): ModelFiles<File> {
  const chosen = findAmong(reference, files)
  if (chosen !== undefined) return chosen
  throw new InputError('quant_not_found', whyNone(reference, files))
}

/** As `chooseModel`, but `undefined` if there is none. */
export function findAmong<File extends { readonly path: string }>(
  reference: HubReference,
  files: readonly File[],
): ModelFiles<File> | undefined {
  return findModel(reference, reference.file === undefined ? groupModels(files) : groupFiles(files))
}

function whyNone({ repo, revision, file, quant }: HubReference, files: readonly { readonly path: string }[]): string {
  const where = revision === 'main' ? repo : `${repo}@${revision}`
  const models = groupModels(files)
  const wanted = file ?? quant
  const ggufs = files.map(({ path }) => path).filter((path) => /\.gguf$/i.test(path))
  if (file !== undefined && ggufs.includes(file)) return `${where} has not all parts of ${file}.`
  if (models.length > 0) {
    const quants = sortQuants(models.map((model) => model.quant))
    return `${where} has no ${wanted ?? 'GGUF model'}. It has: ${quants.join(', ')}.`
  }
  if (ggufs.length === 0) return `${where} has no GGUF model. Look for a repository whose name ends in -GGUF.`
  const rest = ggufs.length > 3 ? ` and ${ggufs.length - 3} more` : ''
  return `${where} has no GGUF that is a whole language model by its name, only ${ggufs.slice(0, 3).join(', ')}${rest}. If one is, name it: hf:${where}/${ggufs[0]}`
}

/** The one of several models that a reference means. */
export function findModel<Model extends ModelFiles<{ readonly path: string }>>(
  { file, quant }: HubReference,
  models: readonly Model[],
): Model | undefined {
  if (file !== undefined) return models.find(({ files }) => files.some(({ path }) => path === file))
  if (quant !== undefined) return withQuant(models, quant)
  for (const preferred of PREFERRED) {
    const model = withQuant(models, preferred)
    if (model !== undefined) return model
  }
  return models[0]
}

function withQuant<Model extends ModelFiles<{ readonly path: string }>>(models: readonly Model[], quant: string) {
  const exact = models.find((model) => model.quant.toUpperCase() === quant.toUpperCase())
  if (exact !== undefined) return exact
  const escaped = quant.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const pattern = new RegExp(`(^|[^A-Za-z0-9])${escaped}[./-]`, 'i')
  return models.find(({ files }) => pattern.test(files[0]?.path ?? ''))
}

/** The quant that a file's name, or else its folder's, tells; or the name itself. */
function quantOf(path: string): string {
  return parseGGUFQuantLabel(baseName(path)) ?? parseGGUFQuantLabel(path) ?? baseName(path)
}

function sortQuants(quants: readonly string[]): string[] {
  const rank = (quant: string) => {
    const name = quant.replace(/^UD-/, '')
    const index = GGUF_QUANT_ORDER.findIndex((type) => GGMLFileQuantizationType[type] === name)
    return index < 0 ? GGUF_QUANT_ORDER.length : index
  }
  return [...new Set(quants)].sort((a, b) => rank(b) - rank(a))
}

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
