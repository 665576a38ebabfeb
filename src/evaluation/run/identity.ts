/**
 * Which files a run is carried out with, by their content, so that the same files are the same on every machine. Loads nothing.
 */
import { createHash } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { fingerprint, type LocatedModel } from '../../engine/locate-model.ts'
import { templateHash } from '../../engine/template-hash.ts'
import type { EvalIdentity } from './eval-job.ts'

const mebibyte = 1 << 20
/** Hashing larger files takes longer than loading them. */
const wholeUpTo = 64 * mebibyte

export async function identify({ info, predictor, template }: LocatedModel): Promise<EvalIdentity> {
  const { bytes, sha256 } = await hashFile(info.path)
  return {
    model: { ...fingerprint(info), quantization: info.quantization, bytes, sha256 },
    predictor: predictor ? (await hashFile(predictor.path)).sha256 : null,
    template: templateHash(template),
  }
}

/** SHA-256 of a file; of one over 64 MiB: of its size as decimal text, its first and its last MiB. */
export async function hashFile(path: string): Promise<{ bytes: number; sha256: string }> {
  const file = await open(path)
  try {
    const { size: bytes } = await file.stat()
    const hash = createHash('sha256')
    if (bytes <= wholeUpTo) hash.update(await readFile(file))
    else {
      hash.update(String(bytes))
      for (const start of [0, bytes - mebibyte]) {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(mebibyte), 0, mebibyte, start)
        hash.update(buffer.subarray(0, bytesRead))
      }
    }
    return { bytes, sha256: hash.digest('hex') }
  } finally {
    await file.close()
  }
}
