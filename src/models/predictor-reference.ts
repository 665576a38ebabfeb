/** What `--predictor` accepts: a path, or a predictor on the Hugging Face Hub. */
import { posix } from 'node:path'
import { InputError } from '../errors.ts'
import { resolveHubFile, type ResolvedHubFile } from './hub-file.ts'
import { isPredictorName, predictorNames } from './predictor-name.ts'
import { parseReference, type HubReference } from './reference.ts'
import type { ResolveOptions } from './resolve.ts'

/**
 * Parses `hf:user/repo[@revision][:FILE]`, `hf:user/repo[@revision]/dir/FILE` and the address of a file's page.
 * @returns undefined for what can only be a path
 * @throws InputError `predictor_reference`
 */
export function parsePredictorReference(
  text: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): HubReference | undefined {
  if (!/^(hf:|https?:\/\/|(www\.)?(hf\.co|huggingface\.co)\/)/i.test(text)) return undefined
  const asFile = text.startsWith('hf:') ? text.replace(/(?<=^hf:.*):([^:@/]+\.gguf)$/i, '/$1') : text
  let reference: ReturnType<typeof parseReference>
  try {
    reference = parseReference(asFile, { env })
  } catch (error) {
    throw new InputError('predictor_reference', notOne(text), { cause: error })
  }
  if (reference.kind !== 'hub' || reference.quant !== undefined)
    throw new InputError('predictor_reference', notOne(text))
  return reference
}

const notOne = (text: string): string =>
  `${text} does not name a predictor on the Hub. Give hf:user/repo, hf:user/repo:FILE.predictor.gguf, or a file's address.`

/**
 * Finds a predictor on the Hub, and downloads it if it is not in the cache.
 * @param modelPath whose predictor is meant where the repository has several
 * @throws InputError `predictor_not_found`, `offline`, and all that a model's download throws
 */
export async function resolvePredictor(
  reference: HubReference,
  modelPath: string | undefined,
  options: ResolveOptions = {},
): Promise<ResolvedHubFile> {
  const { repo, revision, file } = reference
  const names = modelPath === undefined ? [] : predictorNames(modelPath)
  const isCalled = (name: string) => (path: string) => posix.basename(path) === name
  // The only predictor in the cache need not be the only one of the repository.
  const isCertain = (path: string): boolean => file !== undefined || names.some((name) => isCalled(name)(path))
  const choose = (paths: readonly string[]): string => {
    if (file !== undefined) {
      if (paths.includes(file)) return file
      throw new InputError('predictor_not_found', `${repo}@${revision} has no file ${file}.`)
    }
    const predictors = paths.filter(isPredictorName)
    const [only, ...others] = predictors
    if (only === undefined) throw new InputError('predictor_not_found', `${repo}@${revision} has no *.predictor.gguf.`)
    const chosen = others.length === 0 ? only : names.map((name) => predictors.find(isCalled(name))).find(Boolean)
    if (chosen !== undefined) return chosen
    throw new InputError(
      'predictor_not_found',
      `${repo}@${revision} has several predictors, and none has the model's name. Name one: ${predictors.map((path) => `hf:${repo}${revision === 'main' ? '' : `@${revision}`}/${path}`).join(', ')}`,
    )
  }
  return resolveHubFile(
    { repo, revision },
    { name: file ?? 'a predictor', choose, isCertain, otherwise: ', or give a file' },
    options,
  )
}
