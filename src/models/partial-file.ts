/**
 * A download on disk that is not complete yet: `<blob>.incomplete`. It survives a broken connection, Ctrl-C and a full
 * disk, and goes on where it ended.
 */
import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'

/** How the Hub names a file's content: SHA-256 for large files, Git's own hash for small ones. */
export type HashKind = 'sha256' | 'git-sha1'

/** An open file that grows at its end. */
export interface AppendableFile {
  write(bytes: Uint8Array): Promise<void>
  truncate(size: number): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}

/** What a download needs of the disk; tests put a full one in its place. */
export interface Disk {
  /** Bytes that this user may still write to the file system of a folder. */
  freeBytes(folder: string): Promise<number>
  openForAppend(path: string): Promise<AppendableFile>
}

export const realDisk: Disk = {
  async freeBytes(folder) {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  },
  async openForAppend(path) {
    const file = await open(path, 'a')
    return {
      async write(bytes) {
        let written = 0
        while (written < bytes.length) written += (await file.write(bytes, written)).bytesWritten
      },
      truncate: (size) => file.truncate(size),
      sync: () => file.sync(),
      close: () => file.close(),
    }
  },
}

export class PartialFile {
  /** Bytes that are on the disk. */
  bytes: number
  readonly #path: string
  readonly #file: AppendableFile
  readonly #newHash: () => Hash
  #hash: Hash

  private constructor(path: string, file: AppendableFile, newHash: () => Hash) {
    this.#path = path
    this.#file = file
    this.#newHash = newHash
    this.#hash = newHash()
    this.bytes = 0
  }

  /** Opens the partial file of a blob, with what an earlier download left. */
  static async open(blob: string, totalBytes: number, kind: HashKind, disk: Disk): Promise<PartialFile> {
    await mkdir(dirname(blob), { recursive: true })
    const path = partialPath(blob)
    const partial = new PartialFile(path, await disk.openForAppend(path), () =>
      kind === 'sha256' ? createHash('sha256') : createHash('sha1').update(`blob ${totalBytes}\0`),
    )
    const size = await partialBytes(blob)
    if (size > totalBytes) {
      await partial.cutTo(0)
    } else if (size > 0) {
      for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 }))
        partial.#hash.update(chunk as Buffer)
      partial.bytes = size
    }
    return partial
  }

  async append(chunk: Uint8Array): Promise<void> {
    try {
      await this.#file.write(chunk)
    } catch (error) {
      // A part of the chunk may have been written; what was counted before it is whole.
      await this.#file.truncate(this.bytes).catch(() => undefined)
      throw error
    }
    this.#hash.update(chunk)
    this.bytes += chunk.length
  }

  /** Compares what is on the disk with the beginning of the same file from elsewhere: `add` so many bytes of that. */
  compareBeginning(): { readonly bytes: number; add(bytes: Uint8Array): void; isSame(): boolean } {
    const own = this.#hash.copy()
    const other = this.#newHash()
    return {
      bytes: this.bytes,
      add: (bytes) => other.update(bytes),
      isSame: () => own.digest('hex') === other.digest('hex'),
    }
  }

  /** Gives up what is behind so many bytes. Only at 0 can something be appended again. */
  async cutTo(bytes: number): Promise<void> {
    await this.#file.truncate(bytes)
    this.bytes = bytes
  }

  /**
   * Moves the file to its place if its content is the expected one; otherwise says `false`.
   * @param keep bytes to keep then; the rest is deleted
   */
  async finish(blob: string, hash: string, keep: number): Promise<boolean> {
    if (this.#hash.digest('hex') !== hash) {
      await this.cutTo(keep)
      await this.close()
      return false
    }
    await this.#file.sync()
    await this.#file.close()
    await rename(this.#path, blob)
    return true
  }

  /** Keeps what is there for the next time. */
  async close(): Promise<void> {
    await this.#file.close()
    if (this.bytes === 0) await rm(this.#path, { force: true })
  }
}

/** Bytes that an earlier download of a blob left; 0 if none. */
export async function partialBytes(blob: string): Promise<number> {
  return (await stat(partialPath(blob)).catch(() => undefined))?.size ?? 0
}

/** Where a blob is while it is not complete. */
export const partialPath = (blob: string): string => `${blob}.incomplete`
