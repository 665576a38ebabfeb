/** What a server is to be, told from its options and its model before anything is started. */
import type { CacheSettings } from '../../cache/budget.ts'
import type { LocatedModel, TemplateOptions } from '../../engine/locate-model.ts'
import { settleRequest } from '../../engine/prepare.ts'
import type { GenerateRequest } from '../../engine/types.ts'
import { InputError } from '../../errors.ts'
import type { ApiKey } from '../../server/access.ts'
import type { CapacitySettings } from '../../server/capacity.ts'
import type { HostOptions } from '../../server/engine-messages.ts'
import type { ServerSettings } from '../../server/server-state.ts'
import type { ServiceSettings } from '../../server/service.ts'
import { choosePolicies, type ChosenPolicy } from '../options/chosen-policies.ts'
import { policyBeforeLoading, settingFacts } from '../options/setting-facts.ts'
import { cacheSettingsOf } from '../options/setting-flags.ts'
import { templateOptions } from '../options/template-options.ts'
import { checkReach, keysOf } from './serve-access.ts'
import { promptCacheSize } from './serve-memory.ts'
import { checkServeFlags, type ServeFlags } from './serve-options.ts'
import { samplingOf, serverSettings } from './serve-settings.ts'

const cellsOfFull = 8192

/** What can be said before the model is known. */
export interface GivenServe {
  readonly templates: TemplateOptions
  readonly keys: readonly ApiKey[]
  /** Undefined: it depends on the model. */
  readonly policy: ChosenPolicy | undefined
}

/** @throws InputError for options that are wrong by themselves */
export function readServeFlags(flags: ServeFlags): GivenServe {
  checkServeFlags(flags)
  const templates = templateOptions(flags)
  const keys = keysOf(flags)
  checkReach(flags, keys)
  const [policy] = flags.policy === undefined ? [] : choosePolicies([flags.policy], flags)
  return { templates, keys, policy }
}

export interface ServePlan {
  readonly settings: ServerSettings
  readonly host: HostOptions
  readonly service: ServiceSettings
  readonly stallTimeoutMs: number
  readonly drainTimeoutMs: number
  readonly capacity: Required<CapacitySettings>
  /** null: the full cache. */
  readonly bound: CacheSettings | null
}

/** @throws InputError for what does not fit together, or not the model */
export function planServe(flags: ServeFlags, given: GivenServe, located: LocatedModel): ServePlan {
  const { templates, keys } = given
  const chosen = given.policy ?? choosePolicies([policyBeforeLoading(located, flags.gpu)], flags)[0]
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
  return {
    settings: serverSettings(flags, { located, chosen, bound, attention, keys }),
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
    drainTimeoutMs: flags.drainTimeout * 1000,
    capacity: { slots, cells, kvType, promptBytes },
    bound,
  }
}
