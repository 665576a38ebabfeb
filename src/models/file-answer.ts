/** Whether an answer to the request for a file is that file, as far as its headers and first bytes tell. */
import type { RemoteFile } from './hub-api.ts'
import { isHub, isWebPage, notTheHub, startsLikeWebPage } from './hub-request.ts'
import type { HubAccess } from './hub-request.ts'

/**
 * At which byte of the file an answer starts: 0 for a whole file, and undefined for a part that cannot be placed in it.
 * @throws EngineError `network` if it is not the file
 */
export function startOfAnswer(response: Response, access: HubAccess, file: RemoteFile): number | undefined {
  const { status, headers, url } = response
  const type = headers.get('content-type') ?? ''
  const isData = /[/+](json|xml)\b/i.test(type) && !/\.(json|jsonl|ndjson|xml)$/i.test(file.path)
  if (isWebPage(response)) throw notTheHub(access, response, `with a web page instead of ${file.path}`)
  if (isData) throw notTheHub(access, response, `with ${type.replace(/;.*/s, '')} instead of ${file.path}`)
  const etag = /^(?:W\/)?"([0-9a-f]+)"$/.exec(headers.get('etag') ?? '')?.[1]
  // Other hosts have their own way to make tags.
  if (url !== '' && isHub(access, url) && etag?.length === file.hash.length && etag !== file.hash) {
    throw notTheHub(access, response, `with another version of ${file.path} (by its ETag)`)
  }
  const part = status === 206 ? partOf(headers, file) : { start: 0, bytes: file.bytes }
  const length = headers.get('content-length')
  const isEncoded = !['', 'identity'].includes(headers.get('content-encoding') ?? '')
  if (part !== undefined && length !== null && !isEncoded && Number(length) !== part.bytes) {
    throw notTheHub(access, response, `with ${length} bytes where ${part.bytes} of ${file.path} were expected`)
  }
  return part?.start
}

/** What `Content-Range` says, if it fits to the file. */
function partOf(headers: Headers, file: RemoteFile): { start: number; bytes: number } | undefined {
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(headers.get('content-range') ?? '')
  if (range === null) return undefined
  const [start, last] = [Number(range[1]), Number(range[2])]
  const isWithin = start <= last && last < file.bytes && (range[3] === '*' || Number(range[3]) === file.bytes)
  return isWithin ? { start, bytes: last - start + 1 } : undefined
}

/** Whether the first bytes of what should be a binary file are text: a page, an error, a login. */
export function textInsteadOf({ path }: RemoteFile, firstBytes: Uint8Array): boolean {
  const text = Buffer.from(firstBytes.subarray(0, 256)).toString('latin1')
  if (startsLikeWebPage(text)) return !/\.html?$/i.test(path)
  return /\.(gguf|parquet)$/i.test(path) && /^(?!GGUF|PAR1)[\t\r\n\x20-\x7e]+$/.test(text)
}
