/** How far a download is, over all files of a model, and how fast. */
import type { RemoteFile } from './hub-api.ts'

export interface DownloadProgress {
  /** `waiting`: another process downloads the same file. */
  readonly state: 'downloading' | 'waiting' | 'complete'
  /** The repository's file. */
  readonly file: string
  /** Bytes of all the model's files that are on the disk. */
  readonly receivedBytes: number
  readonly totalBytes: number
  /** Of the last seconds. */
  readonly bytesPerSecond: number
}

/** Adds up the files of a model and measures the speed. */
export class ProgressMeter {
  readonly #received = new Map<string, number>()
  readonly #totalBytes: number
  readonly #onProgress: ((progress: DownloadProgress) => void) | undefined
  #samples: { at: number; bytes: number }[] = []
  #reportedAt = -Infinity

  constructor(files: readonly RemoteFile[], onProgress: ((progress: DownloadProgress) => void) | undefined) {
    this.#totalBytes = files.reduce((sum, file) => sum + file.bytes, 0)
    this.#onProgress = onProgress
  }

  report(state: DownloadProgress['state'], file: RemoteFile, fileBytes: number): void {
    this.#received.set(file.path, fileBytes)
    const at = performance.now()
    if (state === 'downloading' && at - this.#reportedAt < 100) return
    this.#reportedAt = at
    const receivedBytes = [...this.#received.values()].reduce((sum, bytes) => sum + bytes, 0)
    this.#samples = [...this.#samples.filter((sample) => at - sample.at < 5000), { at, bytes: receivedBytes }]
    const first = this.#samples[0]
    const seconds = first === undefined ? 0 : (at - first.at) / 1000
    const bytesPerSecond = seconds > 0 ? Math.max(0, receivedBytes - (first?.bytes ?? 0)) / seconds : 0
    this.#onProgress?.({ state, file: file.path, receivedBytes, totalBytes: this.#totalBytes, bytesPerSecond })
  }
}
