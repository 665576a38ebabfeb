/** What `dynts serve` does: finds the model, checks that it fits, starts the server, and stops it in good order. */
import { once } from 'node:events'
import { settleRequest } from '../../engine/prepare.ts'
import type { GenerateRequest } from '../../engine/types.ts'
import { InputError } from '../../errors.ts'
import { needOf } from '../../server/capacity.ts'
import { LineWriter } from '../../server/line-writer.ts'
import { Log } from '../../server/log.ts'
import { startServer } from '../../server/serve.ts'
import { choosePolicies } from '../options/chosen-policies.ts'
import { findModel } from '../find-model.ts'
import { onInterrupt } from '../interrupt.ts'
import { LoadProgress } from '../output/load-progress.ts'
import { banner } from './banner.ts'
import { checkReach, keysOf } from './serve-access.ts'
import { checkMemory, freeMemory, promptCacheSize } from './serve-memory.ts'
import { checkServeFlags, type ServeFlags } from './serve-options.ts'
import { samplingOf, serverSettings } from './serve-settings.ts'
import { policyBeforeLoading, settingFacts } from '../options/setting-facts.ts'
import { cacheSettingsOf } from '../options/setting-flags.ts'
import { templateOptions } from '../options/template-options.ts'
import { toStderr, toStdout } from '../output/write.ts'

const cellsOfFull = 8192

export async function serve(flags: ServeFlags): Promise<void> {
  checkServeFlags(flags)
  const templates = templateOptions(flags)
  const keys = keysOf(flags)
  checkReach(flags, keys)
  const named = flags.policy === undefined ? [] : choosePolicies([flags.policy], flags)
  using signal = onInterrupt()
  const located = await findModel(flags, signal, templates)
  if (!located) {
    stopped()
    return
  }
  const [chosen = choosePolicies([policyBeforeLoading(located, flags.gpu)], flags)[0]] = named
  if (!chosen) throw new Error('there is no policy')
  const request: GenerateRequest = {
    prompt: { text: '' },
    policy: chosen.reference,
    policyOptions: chosen.options,
    protect: chosen.protect,
    ...cacheSettingsOf(flags),
    sampling: samplingOf(flags),
  }
  const { settings: bound = null } = settleRequest(settingFacts(located), request)
  const cells = flags.cells ?? bound?.budget ?? Math.min(cellsOfFull, located.info.trainedContext)
  if (bound && bound.budget > cells)
    throw new InputError('invalid_option', `the budget of ${bound.budget} does not fit into --cells ${cells}`)
  const attention = flags.attention === true || chosen.definition.needs.has('attention')
  const promptBytes = promptCacheSize(flags)
  const { parallel: slots, kvType } = flags
  const capacity = { slots, cells, kvType, promptBytes }
  const free = freeMemory(flags)
  if (free && flags.force !== true) checkMemory(located, capacity, free.bytes)
  const settings = serverSettings(flags, { located, chosen, bound, attention, keys })
  const log = logOf(flags)
  const start = async () => {
    using progress = new LoadProgress(toStderr)
    return await startServer({
      located,
      settings,
      log,
      signal,
      host: {
        model: located.info.path,
        predictor: located.predictor?.path ?? false,
        calibration: located.calibrationPath,
        gpu: flags.gpu,
        gpuLayers: flags.gpuLayers,
        threads: flags.threads,
        offline: true,
        ...templates,
        kvType,
        slots,
        cells,
        attention,
        promptStateBytes: promptBytes,
      },
      service: {
        slots,
        mostWaiting: flags.maxQueue,
        queueTimeoutMs: flags.queueTimeout * 1000,
        requestTimeoutMs: flags.requestTimeout === undefined ? undefined : flags.requestTimeout * 1000,
      },
      stallTimeoutMs: flags.stallTimeout * 1000,
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
  await server.close(flags.drainTimeout * 1000)
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
