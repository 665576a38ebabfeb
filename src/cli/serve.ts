/** What `dynts serve` does: finds the model, checks that it fits, starts the server, and stops it in good order. */
import { createHash } from 'node:crypto'
import { shareText } from '../cache/budget.ts'
import { locateModel, type LocatedModel } from '../engine/locate-model.ts'
import { settleRequest, type SettingFacts } from '../engine/prepare.ts'
import type { GenerateRequest } from '../engine/types.ts'
import { InputError } from '../errors.ts'
import { policyNames, resolvePolicy } from '../eviction/registry.ts'
import { parsePolicyReference } from '../eviction/protect.ts'
import type { ServedPolicy } from '../server/chat/sampling-fields.ts'
import { defaultSampling, findToolFormat } from '../llama/index.ts'
import { formatBytes } from '../models/memory-plan.ts'
import { readWholeText } from '../records/input-file.ts'
import { servedHosts, type ApiKey } from '../server/access.ts'
import {
  defaultPromptBytes,
  fittingSlots,
  largestBudget,
  needOf,
  usableShare,
  type CapacitySettings,
} from '../server/capacity.ts'
import { Log } from '../server/log.ts'
import { startServer, type RunningServer } from '../server/serve.ts'
import type { ServerSettings } from '../server/server-state.ts'
import { choosePolicies } from './chosen-policies.ts'
import { counted } from './counted.ts'
import { findModel } from './find-model.ts'
import { onInterrupt } from './interrupt.ts'
import { memorySize } from './memory-size.ts'
import { policyBeforeLoading, settingFacts } from './setting-facts.ts'
import { LoadProgress } from './load-progress.ts'
import { packageVersion } from './package-version.ts'
import { checkServeFlags, effortBudgets, type ServeFlags } from './serve-options.ts'
import { templateOptions } from './template-options.ts'

const cellsOfFull = 8192

export async function serve(flags: ServeFlags): Promise<void> {
  checkServeFlags(flags)
  const templates = templateOptions(flags)
  const keys = keysOf(flags)
  checkReach(flags, keys)
  const named = flags.policy === undefined ? [] : choosePolicies([flags.policy], flags)
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const located = await findModel(signal, (onDownload) => {
    const predictor = flags.predictor === 'none' ? false : flags.predictor
    const { calibration, offline } = flags
    return locateModel(flags.model, { predictor, calibration, ...templates, offline, signal, onDownload })
  })
  if (!located) return
  const facts = settingFacts(located)
  const [chosen = choosePolicies([policyBeforeLoading(located, flags.gpu)], flags)[0]] = named
  if (!chosen) throw new Error('there is no policy')
  const request: GenerateRequest = {
    prompt: { text: '' },
    policy: chosen.reference,
    policyOptions: chosen.options,
    protect: chosen.protect,
    budget: flags.budget,
    localWindow: flags.localWindow,
    ratio: flags.ratio,
    evictEvery: flags.evictEvery,
    segments: flags.segments,
    valueReserve: flags.valueReserve,
    sampling: samplingOf(flags),
  }
  const { settings: bound } = settleRequest(facts, request)
  const cells = flags.cells ?? bound?.budget ?? Math.min(cellsOfFull, located.info.trainedContext)
  if (bound && bound.budget > cells)
    throw new InputError('invalid_option', `the budget of ${bound.budget} does not fit into --cells ${cells}`)
  const needsAttention = chosen.definition.needs.has('attention')
  const attention = flags.attention === true || needsAttention
  const promptBytes = promptCacheSize(flags)
  checkMemory(flags, located, cells, promptBytes)
  const settings: ServerSettings = {
    aliases: aliasesOf(flags, located),
    isStrictModel: flags.strictModel ?? false,
    bound: bound ?? null,
    defaults: {
      maxTokens: flags.maxTokens,
      maxTokensLimit: flags.maxTokensLimit,
      thinkingBudget: flags.thinkingBudget,
      effortBudgets: effortBudgets(flags.effortBudgets),
      system: flags.system,
      sampling: { ...defaultSampling, ...samplingOf(flags) },
      policy:
        chosen.protect.length > 0
          ? [chosen.definition.file ?? chosen.definition.name, ...chosen.protect].join('+')
          : (chosen.definition.file ?? chosen.definition.name),
      policyOptions: chosen.options,
      budget: flags.budget,
      localWindow: flags.localWindow,
      ratio: flags.ratio,
      evictEvery: flags.evictEvery,
      segments: flags.segments,
      valueReserve: flags.valueReserve,
      policies: policiesOf(facts, attention, chosen.reference),
      slots: flags.parallel,
      trustsSpecial: flags.trustSpecial ?? false,
      toolFormat: findToolFormat(located.info.chatTemplate ?? ''),
    },
    answers: {
      model: aliasesOf(flags, located)[0],
      fingerprint: fingerprintOf(located, flags),
      tags: located.thinkingTags,
      reasoningField: flags.reasoningField,
    },
    access: {
      hosts: servedHosts(flags.host, flags.allowHost ?? []),
      origins: new Set(flags.allowOrigin ?? []),
      keys,
    },
    mostBodyBytes: flags.maxBody,
    mostTextBytes: flags.maxText,
    pingMs: flags.pingInterval * 1000,
    version: packageVersion(),
    hasMetrics: flags.metrics,
    hasSlots: flags.slots,
    hasPage: flags.page,
    sharesPrompts: flags.sharePrompts ?? false,
    logsPrompts: flags.logPrompts ?? false,
  }
  const log = new Log(flags.logLevel, process.stderr.isTTY, (line) => process.stderr.write(line))
  const progress = new LoadProgress((text) => process.stderr.write(`${text}\n`))
  try {
    const server = await startServer({
      located,
      settings,
      log,
      host: {
        model: located.info.path,
        predictor: located.predictor?.path ?? false,
        calibration: located.calibrationPath,
        gpu: flags.gpu,
        gpuLayers: flags.gpuLayers,
        threads: flags.threads,
        offline: true,
        ...templates,
        kvType: flags.kvType,
        slots: flags.parallel,
        cells,
        attention,
        promptStateBytes: promptBytes,
      },
      service: {
        slots: flags.parallel,
        mostWaiting: flags.maxQueue,
        queueTimeoutMs: flags.queueTimeout * 1000,
        requestTimeoutMs: flags.requestTimeout === undefined ? undefined : flags.requestTimeout * 1000,
      },
      stallTimeoutMs: flags.stallTimeout * 1000,
      addresses: flags.host,
      port: flags.port,
      onProgress: progress.onProgress,
    })
    progress.stop()
    process.stdout.write(
      `${banner(server, settings, located, { slots: flags.parallel, cells, kvType: flags.kvType, promptBytes })}\n`,
    )
    await stopped(signal)
    process.stderr.write('stopping: what runs may come to its end\n')
    await server.close(flags.drainTimeout * 1000)
    process.exitCode = 0
  } finally {
    progress.stop()
  }
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** What requests may name: the built-in policies that this engine can carry out, and the server's own. */
function policiesOf(facts: SettingFacts, attention: boolean, own: string): ReadonlyMap<string, ServedPolicy> {
  const builtIn = policyNames().filter((name) => {
    const { needs, evicts } = resolvePolicy(name)
    if (needs.has('attention') && !attention) return false
    if (needs.has('hidden-state') && !facts.hasPredictor) return false
    if (needs.has('calibration') && !facts.hasCalibration) return false
    return !evicts || facts.notEvictable === undefined
  })
  const { policy } = parsePolicyReference(own)
  const served = [...builtIn, policy].map((reference) => ({ reference, definition: resolvePolicy(reference) }))
  return new Map(served.map((one) => [one.definition.name, one] as const))
}

function samplingOf({
  temperature,
  topK,
  topP,
  minP,
  repeatPenalty,
}: ServeFlags): NonNullable<GenerateRequest['sampling']> {
  const given = Object.entries({ temperature, topK, topP, minP, repeatPenalty }).filter(
    ([, value]) => value !== undefined,
  )
  return Object.fromEntries(given)
}

function aliasesOf({ alias, model }: ServeFlags, { info }: LocatedModel): [string, ...string[]] {
  const [first, ...others] = alias ?? []
  if (first !== undefined) return [first, ...others]
  return [model === 'tiny' ? model : info.path.replace(/^.*[\\/]/, '').replace(/\.gguf$/i, '')]
}

function fingerprintOf({ info, predictor }: LocatedModel, { kvType }: ServeFlags): string {
  const facts = JSON.stringify([info.name, info.architecture, info.fileBytes, predictor?.shape ?? null, kvType])
  return `dynts-${packageVersion()}-${createHash('sha256').update(facts).digest('hex').slice(0, 8)}`
}

const keyFileCodes = { missing: 'key_file_not_found', invalid: 'invalid_key_file' }

/** @throws InputError `key_file_not_found`, `invalid_key_file` */
function keysOf({ apiKey, apiKeyFile }: ServeFlags): ApiKey[] {
  const given = apiKey === undefined ? [] : [{ name: 'default', key: apiKey }]
  if (apiKeyFile === undefined) return given
  const lines = readWholeText(apiKeyFile, keyFileCodes)
    .split('\n')
    .map((line) => line.replace(/#.*$/, '').trim())
  const filed = lines
    .filter((line) => line !== '')
    .map((line, i) => {
      const [, name, key] = /^([^:\s]+):(\S+)$/.exec(line) ?? []
      return { name: name ?? `key ${i + 1}`, key: key ?? line }
    })
  if (filed.length === 0) throw new InputError(keyFileCodes.invalid, `${apiKeyFile} has no key`)
  return [...given, ...filed]
}

/** @throws InputError `invalid_option` for a server that anyone could use by mistake */
function checkReach({ host, auth, allowOrigin }: ServeFlags, keys: readonly ApiKey[]): void {
  const open = host.find((address) => !/^(?:127\.|localhost$|::1$)/.test(address))
  if (open !== undefined && keys.length === 0 && auth) {
    throw new InputError(
      'invalid_option',
      `--host ${open} is open to others: give --api-key or --api-key-file, or --no-auth if that is meant`,
    )
  }
  if (open !== undefined && keys.length === 0)
    process.stderr.write(`warning: anyone who reaches ${open} can use this server\n`)
  if (allowOrigin?.includes('*') === true && keys.length === 0) {
    throw new InputError(
      'invalid_option',
      '--allow-origin * lets every page that is open in a browser here use the server: it needs a key',
    )
  }
}

function promptCacheSize({ promptCache }: ServeFlags): number {
  if (promptCache === undefined) return defaultPromptBytes
  return promptCache === '0' ? 0 : memorySize('--prompt-cache', promptCache)
}

/** @throws InputError `invalid_option` for what does not fit */
function checkMemory(
  { memory, force, parallel, kvType, gpu }: ServeFlags,
  { info }: LocatedModel,
  cells: number,
  promptBytes: number,
): void {
  if (force === true) return
  if (memory === undefined && gpu !== 'off' && gpu !== 'auto') return
  const free = memory === undefined ? process.availableMemory() : memorySize('--memory', memory)
  const need = needOf(info, { slots: parallel, cells, kvType, promptBytes })
  if (need.bytes <= free * usableShare) return
  const fits = fittingSlots(info, { cells, kvType, promptBytes }, free * usableShare)
  const budget = largestBudget(info, { slots: parallel, kvType, most: cells, promptBytes }, free * usableShare)
  const ways = [...(fits > 0 ? [`--parallel ${fits}`] : []), ...(budget === undefined ? [] : [`--budget ${budget}`])]
  const advice = ways.length > 0 ? `${ways.join(' or ')} fits` : 'a smaller model may fit'
  throw new InputError(
    'invalid_option',
    `this takes about ${formatBytes(need.bytes)}, and ${formatBytes(free)} are there: ${advice}; --force starts it anyway`,
  )
}

function banner(
  { urls }: RunningServer,
  settings: ServerSettings,
  { info }: LocatedModel,
  capacity: CapacitySettings,
): string {
  const { aliases, bound, defaults } = settings
  const { slots, cells } = capacity
  const need = needOf(info, capacity)
  const cache = bound
    ? `policy ${defaults.policy}, budget ${bound.budget}, local window ${bound.localWindow}, ${shareText(bound)}`
    : `policy ${defaults.policy}: the cache is not bounded`
  return [
    `dynts ${settings.version} serves ${aliases[0]} at ${urls.join(', ')} (API at /v1${settings.hasPage ? ', page at /' : ''})`,
    `  ${cache}; ${counted(slots, 'slot')} of ${cells} cells`,
    `  weights ${formatBytes(need.weightBytes)}, cache ${formatBytes(need.cacheBytes)}, about ${formatBytes(need.bytes)} in all`,
  ].join('\n')
}
