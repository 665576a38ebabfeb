/** What `--model` accepts: a path, the embedded model's name, or a model on the Hugging Face Hub. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InputError } from '../errors.ts'

/** The model that comes with the package. */
export const EMBEDDED_MODEL = 'tiny'
export const DEFAULT_ENDPOINT = 'https://huggingface.co'

export interface PathReference {
  readonly kind: 'path'
  /** Absolute. */
  readonly path: string
}

export interface EmbeddedReference {
  readonly kind: 'embedded'
  readonly name: string
  readonly path: string
}

export interface HubReference {
  readonly kind: 'hub'
  /** `user/name` */
  readonly repo: string
  /** Branch, tag or commit. */
  readonly revision: string
  /** e.g. `Q4_K_M`, in upper case; absent: the usual one is chosen. */
  readonly quant?: string
  /** One file of the repository, e.g. `dir/model-Q8_0.gguf`. */
  readonly file?: string
}

export type ModelReference = PathReference | EmbeddedReference | HubReference

export interface ReferenceOptions {
  /** Whether a path exists; default: asks the file system. */
  readonly exists?: (path: string) => boolean
  /** Default: `process.env`; `HF_ENDPOINT` names a host whose addresses are accepted as well. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Path of the embedded model, the same from `src/` and `dist/`. */
export function embeddedModelPath(): string {
  return fileURLToPath(new URL('../../models/tiny/tiny-f16.gguf', import.meta.url))
}

/**
 * Parses a model's reference. An existing path wins over a repository of the same name.
 * @throws InputError `model_reference`
 */
export function parseReference(text: string, options: ReferenceOptions = {}): ModelReference {
  const exists = options.exists ?? existsSync
  const reference = text.trim()
  if (reference === '' || reference.includes('\0')) throw notAReference(text)
  if (reference === EMBEDDED_MODEL) return { kind: 'embedded', name: EMBEDDED_MODEL, path: embeddedModelPath() }
  if (reference.startsWith('hf:')) return parseHub(reference.slice(3).replace(/^\/\//, ''), text)
  if (/^https?:\/\//i.test(reference)) return parseAddress(reference, text, options.env ?? process.env)
  if (/^(www\.)?(hf\.co|huggingface\.co)\//i.test(reference)) {
    return parseAddress(`https://${reference}`, text, options.env ?? process.env)
  }
  if (looksLikePath(reference) || exists(reference)) return { kind: 'path', path: absolute(reference) }
  return parseHub(reference, text)
}

function looksLikePath(text: string): boolean {
  return /^([/\\~]|\.{1,2}[/\\]|[A-Za-z]:[/\\])/.test(text) || /\.gguf$/i.test(text)
}

function absolute(path: string): string {
  return resolve(/^~([/\\]|$)/.test(path) ? homedir() + path.slice(1) : path)
}

/** `user/repo[@revision][:QUANT]` or `user/repo[@revision]/dir/file.gguf` */
function parseHub(reference: string, text: string): HubReference {
  const match = /^([^/@:]+\/[^/@:]+)(?:@(refs\/(?:pr|convert)\/[^/:]+|[^/:]+))?(?:\/([^\n]+\.gguf)|:([^/@:]+))?$/i.exec(
    reference,
  )
  if (match === null) throw notAReference(text)
  const [, repo = '', revision, file, quant] = match
  return hub(text, repo, decode(revision ?? 'main', text), file, quant)
}

/** The address of a repository, a folder in it, or a file's page. */
function parseAddress(address: string, text: string, env: Readonly<Record<string, string | undefined>>): HubReference {
  const url = parseUrl(address)
  if (url === undefined) throw notAReference(text)
  const endpoint = parseUrl(env['HF_ENDPOINT'] ?? DEFAULT_ENDPOINT)
  const isHub = /^(www\.)?(hf\.co|huggingface\.co)$/i.test(url.hostname)
  if (!isHub && url.host !== endpoint?.host) {
    throw new InputError(
      'model_reference',
      `${text} is not an address of the Hugging Face Hub. Download the file and give its path.`,
    )
  }
  const root = isHub ? '/' : (endpoint?.pathname ?? '/').replace(/\/*$/, '/')
  const path = url.pathname.startsWith(root) ? url.pathname.slice(root.length) : url.pathname.slice(1)
  const parts = path.split('/').filter((part) => part !== '')
  const [user = '', name = '', view, ...rest] = parts
  if (user === 'datasets' || user === 'spaces') throw notAReference(text)
  const page = url.searchParams.get('show_file_info') ?? undefined
  if (view === undefined) {
    const { repo, revision, quant } = parseHub(decode(`${user}/${name}`, text), text)
    return hub(text, repo, revision, page, quant)
  }
  if (!['blob', 'resolve', 'raw', 'tree'].includes(view) || rest.length === 0) throw notAReference(text)
  const special = rest[0] === 'refs' && (rest[1] === 'pr' || rest[1] === 'convert') && rest.length > 2 ? 3 : 1
  const revision = rest.slice(0, special).map((part) => decode(part, text))
  const file = rest.slice(special).map((part) => decode(part, text))
  const repo = decode(`${user}/${name}`, text)
  return hub(text, repo, revision.join('/'), view === 'tree' ? page : file.join('/'), undefined)
}

function hub(text: string, repo: string, revision: string, file?: string, quant?: string): HubReference {
  const quantOk = quant === undefined || /^\w[\w.-]*$/.test(quant)
  if (!isRepository(repo) || !isRevision(revision) || !quantOk) throw notAReference(text)
  if (file !== undefined && (!isSafeFileName(file) || !/\.gguf$/i.test(file))) {
    throw new InputError('model_reference', `${text} does not name a GGUF file. Give one whose name ends in .gguf.`)
  }
  const stated = quant === undefined || quant.toLowerCase() === 'latest' ? undefined : quant.toUpperCase()
  return {
    kind: 'hub',
    repo,
    revision,
    ...(stated === undefined ? {} : { quant: stated }),
    ...(file === undefined ? {} : { file }),
  }
}

/** Whether a text is `user/name`, by the Hub's rules. */
export function isRepository(repo: string): boolean {
  return /^[^/]+\/[^/]+$/.test(repo) && repo.split('/').every(isRepoName)
}

/** Whether a text can name a branch, tag or commit. A leading dash or dots could mean something to a path; Git allows neither. */
export function isRevision(revision: string): boolean {
  return /^\w[\w./+-]*$/.test(revision) && !revision.split('/').some((part) => /^\.*$/.test(part))
}

/** The Hub's rules for names; `--` is also what separates user and name in the cache's folders. */
function isRepoName(name: string): boolean {
  return /^[\w.-]{1,96}$/.test(name) && !/^[.-]|[.-]$|--|\.\.|\.git$/.test(name)
}

/** `user/name` of a dataset's repository, which is written `datasets/user/name`; undefined for a model's. */
export function datasetName(repo: string): string | undefined {
  return /^datasets\/([^/]+\/[^/]+)$/.exec(repo)?.[1]
}

/** Whether a file's name from outside stays inside the folder that it is joined to, on every system. */
export function isSafeFileName(name: string): boolean {
  return !/[\\\u0000-\u001f]/.test(name) && !name.split('/').some((part) => /^(\.{0,2}|[A-Za-z]:.*)$/.test(part))
}

function parseUrl(address: string): URL | undefined {
  try {
    return new URL(address)
  } catch {
    return undefined
  }
}

function decode(part: string, text: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw notAReference(text)
  }
}

function notAReference(text: string): InputError {
  return new InputError(
    'model_reference',
    `"${text}" is neither a file nor a model's name. Give a path, ${EMBEDDED_MODEL}, user/repo:QUANT, or an address on huggingface.co.`,
  )
}
