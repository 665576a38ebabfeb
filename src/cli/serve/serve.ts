/** What `dynts serve` does: finds the model, checks that it fits, starts the server, and stops it in good order. */
import { once } from 'node:events'
import { needOf } from '../../server/capacity.ts'
import { LineWriter } from '../../server/line-writer.ts'
import { Log } from '../../server/log.ts'
import { startServer } from '../../server/serve.ts'
import { findModel } from '../find-model.ts'
import { onInterrupt } from '../interrupt.ts'
import { LoadProgress } from '../output/load-progress.ts'
import { toStderr, toStdout } from '../output/write.ts'
import { banner } from './banner.ts'
import { checkMemory, freeMemory } from './serve-memory.ts'
import type { ServeFlags } from './serve-options.ts'
import { planServe, readServeFlags } from './serve-plan.ts'

export async function serve(flags: ServeFlags): Promise<void> {
  const given = readServeFlags(flags)
  using signal = onInterrupt()
  const located = await findModel(flags, signal, given.templates)
  if (!located) {
    stopped()
    return
  }
  const { settings, host, service, stallTimeoutMs, drainTimeoutMs, capacity, bound } = planServe(flags, given, located)
  const free = freeMemory(flags)
  if (free && flags.force !== true) checkMemory(located, capacity, free.bytes)
  const log = logOf(flags)
  const start = async () => {
    using progress = new LoadProgress(toStderr)
    return await startServer({
      ...{ located, settings, log, signal, host, service, stallTimeoutMs },
      addresses: flags.host,
      port: flags.port,
      onProgress: progress.onProgress,
    })
  }
  const server = await start()
  if (!server) {
    stopped()
    return
  }
  const { facts, urls } = server
  const { aliases, defaults, version, hasPage } = settings
  const { info } = located
  const { maxTokens, policy } = defaults
  // Where the layers came to be on a GPU, what the machine has says nothing.
  const compared = facts.backend === 'cpu' || free?.isGiven === true ? free : undefined
  toStdout(
    banner({
      ...{ version, name: aliases[0], urls, hasPage, policy, bound, maxTokens, info, capacity },
      free: compared,
    }),
  )
  const { weightBytes, cacheBytes, otherBytes } = needOf(info, capacity)
  log.info('loaded', { backend: facts.backend, grownBytes: facts.grownBytes, weightBytes, cacheBytes, otherBytes })
  if (!signal.aborted) await once(signal, 'abort')
  toStderr('stopping: what runs may come to its end')
  await server.close(drainTimeoutMs)
  stopped()
}

/** A server that is stopped has not failed. */
function stopped(): void {
  process.exitCode = 0
}

/** Node writes to a file or a pipe by itself only while everything else stands still. */
function logOf({ logLevel }: ServeFlags): Log {
  const { isTTY, fd } = process.stderr
  if (isTTY) return new Log(logLevel, true, (line) => process.stderr.write(line))
  const lines = new LineWriter(fd, (count) => {
    let told = ''
    new Log(logLevel, false, (line) => (told = line)).warn('lines of this log were left out: it was not read', {
      count,
    })
    return told
  })
  return new Log(logLevel, false, (line) => lines.write(line))
}
