/**
 * Fetches the content of one file, goes on where an earlier download ended, and verifies it. What is on the disk already is
 * never given up for an answer that is not the file: a login page, an error, another part or another version of it.
 */
import { PassingFailure } from '../back-off.ts'
import { EngineError, InputError } from '../errors.ts'
import type { WriteLock } from '../records/file-lock.ts'
import { startOfAnswer, textInsteadOf } from './file-answer.ts'
import type { RemoteFile } from './hub-api.ts'
import { failureOf, notTheHub, reason, request, withRetries } from './hub-request.ts'
import type { HubAccess } from './hub-request.ts'
import { formatBytes } from './memory-plan.ts'
import { PartialFile, partialPath } from './partial-file.ts'
import type { Disk } from './partial-file.ts'
import type { HubReference } from './reference.ts'

export interface BlobToFetch {
  readonly access: HubAccess
  readonly from: Pick<HubReference, 'repo' | 'revision'>
  readonly commit: string
  readonly file: RemoteFile
  /** Where the content goes. */
  readonly blob: string
  readonly disk: Disk
  /** Under which the blob is written. */
  readonly lock: WriteLock
  /** Called with the bytes that are on the disk. */
  readonly onBytes: (bytes: number) => void
}

interface Transfer extends BlobToFetch {
  readonly partial: PartialFile
  /** Byte at which begins what the last answer brought. */
  answerFrom: number
  /** The server cannot resume: it is asked for the whole file, and of that what is there already is skipped. */
  whole: boolean
}

/**
 * @throws InputError `model_access`, `model_not_found`, `disk_full`; EngineError `network`, `hub_failed`, `download_corrupt`, `lock_lost`; the
 *   signal's reason when aborted: the part that came is kept
 */
export async function fetchBlob(wanted: BlobToFetch): Promise<void> {
  const { access, file, blob, disk } = wanted
  const partial = await PartialFile.open(blob, file.bytes, file.hashKind, disk)
  const transfer: Transfer = { ...wanted, partial, answerFrom: 0, whole: false }
  try {
    if (partial.bytes < file.bytes) {
      await withRetries(
        access,
        () => fetchRest(transfer),
        () => partial.bytes,
      )
    }
    wanted.lock.check()
  } catch (error) {
    await partial.close()
    throw error
  }
  if (!(await partial.finish(blob, file.hash, transfer.answerFrom))) throw corrupt(transfer)
}

/** Fetches from where the partial file ends to the end of the file, in one request. */
async function fetchRest(transfer: Transfer): Promise<void> {
  const { access, from, file, partial } = transfer
  const stall = new AbortController()
  const stalled = setTimeout(() => stall.abort(new Error('no data for too long')), access.stallMs ?? 60_000)
  try {
    const headers = new Headers({ 'accept-encoding': 'identity' })
    if (partial.bytes > 0 && !transfer.whole) headers.set('range', `bytes=${partial.bytes}-`)
    const response = await request(access, addressOf(transfer), { headers, signal: stall.signal })
    if (response.status === 416) {
      transfer.whole = true
      throw new PassingFailure('the server refused to resume')
    }
    if (!response.ok || response.body === null) throw await failureOf(response, access, from.repo, from.revision)
    const start = startOfAnswer(response, access, file)
    if (start !== 0 && start !== partial.bytes) {
      transfer.whole = true
      throw new PassingFailure('the server sent another part of the file')
    }
    let rest = chunksOf(response.body, () => stalled.refresh())
    if (start === 0) rest = checked(rest, response, transfer)
    transfer.answerFrom = partial.bytes
    for await (const chunk of rest) await append(transfer, chunk)
    if (partial.bytes < file.bytes) throw new PassingFailure('the connection ended early')
  } finally {
    clearTimeout(stalled)
    stall.abort()
  }
}

function addressOf({ access, from, commit, file }: Transfer): string {
  const path = file.path.split('/').map(encodeURIComponent).join('/')
  return `${access.endpoint}/${from.repo}/resolve/${commit}/${path}`
}

async function* chunksOf(stream: ReadableStream<Uint8Array>, onChunk: () => void): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of stream) {
      onChunk()
      yield chunk
    }
  } catch (error) {
    throw new PassingFailure(reason(error), { cause: error })
  }
}

/** A file from its start: without what is on the disk already, which it has to begin with. */
async function* checked(
  chunks: AsyncIterable<Uint8Array>,
  response: Response,
  { access, file, partial, blob }: Transfer,
): AsyncGenerator<Uint8Array> {
  const beginning = partial.compareBeginning()
  let skipped = 0
  let isFirst = true
  for await (const chunk of chunks) {
    if (isFirst && textInsteadOf(file, chunk)) throw notTheHub(access, response, `with text instead of ${file.path}`)
    isFirst = false
    const known = Math.min(chunk.length, beginning.bytes - skipped)
    if (known > 0) {
      beginning.add(chunk.subarray(0, known))
      skipped += known
      if (skipped === beginning.bytes && !beginning.isSame()) {
        throw new EngineError(
          'download_corrupt',
          `What was downloaded of ${file.path} is not how the file begins that the server sends now. Run the command again without a proxy; if it fails again, delete ${partialPath(blob)} first.`,
        )
      }
    }
    if (known < chunk.length) yield chunk.subarray(known)
  }
}

async function append(transfer: Transfer, chunk: Uint8Array): Promise<void> {
  const { file, partial, blob, lock, onBytes } = transfer
  lock.check()
  if (partial.bytes + chunk.length > file.bytes) {
    await partial.cutTo(transfer.answerFrom)
    throw corrupt(transfer)
  }
  try {
    await partial.append(chunk)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error
    throw diskFull(blob, file.bytes - partial.bytes, undefined, error)
  }
  onBytes(partial.bytes)
}

/** @param place a folder or file on the disk that is full */
export function diskFull(place: string, needed: number, free?: number, cause?: unknown): InputError {
  const there = free === undefined ? '' : `, but only ${formatBytes(free)} are free`
  return new InputError(
    'disk_full',
    `The disk of ${place} is too full: ${formatBytes(needed)} are needed${there}. Make room, or set HF_HOME to a folder on another disk; what was downloaded is kept.`,
    { cause },
  )
}

function corrupt({ file, blob, answerFrom }: Transfer): EngineError {
  const what = `${file.path} arrived damaged (its content does not match the Hub's checksum)`
  const rest =
    answerFrom === 0
      ? 'and was deleted. Run the command again.'
      : `and what came last was deleted; ${formatBytes(answerFrom)} from before are kept. Run the command again; if it fails again, delete ${partialPath(blob)} first.`
  return new EngineError('download_corrupt', `${what} ${rest}`)
}
