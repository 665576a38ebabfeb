/**
 * Finding the model that a command was given, which may mean to download it: what is shown meanwhile, and what Ctrl-C does.
 */
import type { DownloadProgress } from '../models/progress-meter.ts'
import { downloadStopped, showDownload } from './download-progress.ts'

/**
 * @param find looks for the model, and reports a download
 * @returns undefined if `signal` has ended it, which is told
 */
export async function findModel<T>(
  signal: AbortSignal,
  find: (onProgress: (progress: DownloadProgress) => void) => Promise<T>,
): Promise<T | undefined> {
  const display = showDownload(process.stderr)
  try {
    return await find(display.onProgress)
  } catch (error) {
    display.stop()
    if (!signal.aborted) throw error
    process.stderr.write(`${downloadStopped}\n`)
    return undefined
  } finally {
    display.stop()
  }
}
