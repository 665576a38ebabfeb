/** What `dynts predictor pull` and `dynts calibrate pull` do: one file from the Hub into the cache, or its newer version. */
import { InputError } from '../errors.ts'
import { endingOf, type MadeFileKind } from '../models/made-file-name.ts'
import { parseMadeFileReference, resolveMadeFile } from '../models/made-file-reference.ts'
import { whileDownloading } from './find-model.ts'
import { onInterrupt } from './interrupt.ts'

/**
 * @param describe reads the file, and says what it is
 * @throws InputError `predictor_reference`, `calibration_reference`, what finding and what reading it throws
 */
export async function pullMadeFile(
  kind: MadeFileKind,
  text: string,
  describe: (path: string) => Promise<string>,
): Promise<void> {
  const reference = parseMadeFileReference(kind, text)
  if (!reference) {
    throw new InputError(
      `${kind}_reference`,
      `${text} is a path. Give hf:user/repo or hf:user/repo:FILE${endingOf(kind)}.`,
    )
  }
  using signal = onInterrupt()
  const found = await whileDownloading(signal, (onProgress) =>
    resolveMadeFile(kind, reference, undefined, { refresh: true, signal, onProgress }),
  )
  if (!found) return
  process.stderr.write(`${await describe(found.path)}\n`)
  process.stdout.write(`${found.path}\n`)
}
