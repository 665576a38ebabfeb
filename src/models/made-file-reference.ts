/** What `--predictor` and `--calibration` accept: a path, or such a file on the Hugging Face Hub. */
import { posix } from 'node:path'
import { InputError } from '../errors.ts'
import { resolveHubFile, type ResolvedHubFile } from './hub-file.ts'
import { endingOf, isMadeFile, madeFileNames, type MadeFileKind } from './made-file-name.ts'
import { parseReference, type HubReference } from './reference.ts'
import type { ResolveOptions } from './resolve.ts'

/**
 * Parses `hf:user/repo[@revision][:FILE]`, `hf:user/repo[@revision]/dir/FILE` and the address of a file's page.
 * @returns undefined for what can only be a path
 * @throws InputError `predictor_reference`, `calibration_reference`
 */
export function parseMadeFileReference(
  kind: MadeFileKind,
  text: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): HubReference | undefined {
  if (!/^(hf:|https?:\/\/|(www\.)?(hf\.co|huggingface\.co)\/)/i.test(text)) return undefined
  const asFile = text.startsWith('hf:') ? text.replace(/(?<=^hf:.*):([^:@/]+\.gguf)$/i, '/$1') : text
  const notOne = (cause?: unknown) =>
    new InputError(
      `${kind}_reference`,
      `${text} does not name a ${kind} on the Hub. Give hf:user/repo, hf:user/repo:FILE${endingOf(kind)}, or a file's address.`,
      { cause },
    )
  let reference: ReturnType<typeof parseReference>
  try {
    reference = parseReference(asFile, { env })
  } catch (error) {
    throw notOne(error)
  }
  if (reference.kind !== 'hub' || reference.quant !== undefined) throw notOne()
  return reference
}

/**
 * Finds a predictor or a calibration on the Hub, and downloads it if it is not in the cache.
 * @param modelPath whose is meant where the repository has several
 * @throws InputError `predictor_not_found`, `calibration_not_found`, `offline`, and all that a model's download throws
 */
export async function resolveMadeFile(
  kind: MadeFileKind,
  reference: HubReference,
  modelPath: string | undefined,
  options: ResolveOptions = {},
): Promise<ResolvedHubFile> {
  const { repo, revision, file } = reference
  const names = modelPath === undefined ? [] : madeFileNames(kind, modelPath)
  const isCalled = (name: string) => (path: string) => posix.basename(path) === name
  // The only one in the cache need not be the only one of the repository.
  const isCertain = (path: string): boolean => file !== undefined || names.some((name) => isCalled(name)(path))
  const notFound = (what: string) => new InputError(`${kind}_not_found`, `${repo}@${revision} has ${what}`)
  const choose = (paths: readonly string[]): string => {
    if (file !== undefined) {
      if (paths.includes(file)) return file
      throw notFound(`no file ${file}.`)
    }
    const all = paths.filter((path) => isMadeFile(kind, path))
    const [only, ...others] = all
    if (only === undefined) throw notFound(`no *${endingOf(kind)}.`)
    const chosen = others.length === 0 ? only : names.map((name) => all.find(isCalled(name))).find(Boolean)
    if (chosen !== undefined) return chosen
    const at = revision === 'main' ? '' : `@${revision}`
    const ways = all.map((path) => `hf:${repo}${at}/${path}`).join(', ')
    throw notFound(`several ${kind}s, and none has the model's name. Name one: ${ways}`)
  }
  return resolveHubFile(
    { repo, revision },
    { name: file ?? `a ${kind}`, choose, isCertain, otherwise: ', or give a file' },
    options,
  )
}
