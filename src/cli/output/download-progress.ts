/** Shows a download on stderr: a bar on a terminal, a line every few seconds otherwise. Downloads nothing itself. */
import { percentDone } from '../../percent.ts'
import cliProgress from 'cli-progress'
import type { DownloadProgress } from '../../models/progress-meter.ts'
import { formatBytes } from '../../models/memory-plan.ts'
import { formatDuration } from './progress-line.ts'

/** What a command says when Ctrl-C ended its download. */
export const downloadStopped = 'Stopped. What was downloaded is kept; the same command goes on from there.'

const LINE_EVERY_MS = 5000
const BAR_WIDTH = 24

export interface ProgressDisplay {
  /** Give this to `resolveModel`. */
  readonly onProgress: (progress: DownloadProgress) => void
  /** Ends the display; also after a failure. */
  readonly stop: () => void
}

/** Starts a display; it shows nothing until the first report. */
export function showDownload(stream: NodeJS.WriteStream): ProgressDisplay {
  return stream.isTTY ? showBar(stream) : showLines(stream)
}

function showBar(stream: NodeJS.WriteStream): ProgressDisplay {
  const bar = new cliProgress.SingleBar({
    format: '{bar} {percentage} %  {text}',
    barCompleteChar: '#',
    barIncompleteChar: '.',
    barsize: BAR_WIDTH,
    stream,
    hideCursor: true,
    linewrap: false,
  })
  return {
    onProgress(progress) {
      if (!bar.isActive) bar.start(progress.totalBytes, progress.receivedBytes, { text: describe(progress) })
      else bar.update(progress.receivedBytes, { text: describe(progress) })
    },
    stop() {
      if (bar.isActive) bar.stop()
    },
  }
}

function showLines(stream: NodeJS.WriteStream): ProgressDisplay {
  let shownAt = -Infinity
  let shown = ''
  return {
    onProgress(progress) {
      const complete = progress.receivedBytes === progress.totalBytes
      const now = performance.now()
      if (!complete && now - shownAt < LINE_EVERY_MS) return
      const line = `${percentDone(progress.receivedBytes, progress.totalBytes)}  ${describe(progress)}\n`
      if (line === shown) return
      stream.write(line)
      shown = line
      shownAt = now
    },
    stop: () => undefined,
  }
}

/** e.g. `120 MiB of 1.0 GiB, 10.2 MiB/s, 1 min 30 s left` */
export function describe({ state, receivedBytes, totalBytes, bytesPerSecond }: DownloadProgress): string {
  const amount = `${formatBytes(receivedBytes)} of ${formatBytes(totalBytes)}`
  if (state === 'waiting') return `${amount}, waiting for another process that downloads the same file`
  if (bytesPerSecond === 0 || receivedBytes === totalBytes) return amount
  const left = formatDuration(Math.round((totalBytes - receivedBytes) / bytesPerSecond))
  return `${amount}, ${formatBytes(Math.round(bytesPerSecond))}/s, ${left} left`
}
