/** What the endpoints share. */
import type { CacheSettings } from '../cache/budget.ts'
import type { LocatedModel } from '../engine/locate-model.ts'
import type { KvType, TemplateFacts } from '../llama/index.ts'
import type { AccessSettings, KeyRing } from './access.ts'
import type { AnswerSettings } from './chat/completion.ts'
import type { RequestDefaults } from './chat/sampling-fields.ts'
import type { EngineBackend } from './engine-process.ts'
import type { EngineFacts } from './engine-messages.ts'
import type { Metrics } from './metrics.ts'
import type { PageFile } from './page-files.ts'
import type { ResumableStreams } from './resumable-streams.ts'
import type { GenerationService } from './service.ts'

export interface ServerSettings {
  /** The model's names in the API; the first is answered with. */
  readonly aliases: readonly [string, ...string[]]
  /** Whether a request for another model is refused. */
  readonly isStrictModel: boolean
  readonly defaults: RequestDefaults
  /** As the cache's default is resolved: null for the full cache. */
  readonly bound: CacheSettings | null
  readonly kvType: KvType
  /** Of the model's chat template. */
  readonly template: TemplateFacts
  readonly answers: Omit<AnswerSettings, 'fingerprint'>
  /** Of the model, its predictor, and the format of its cache: 8 hexadecimal digits. */
  readonly digest: string
  readonly access: AccessSettings
  readonly mostBodyBytes: number
  /** Of the text of a request; default: what may fit a slot, and at most 1 MiB. */
  readonly mostTextBytes?: number | undefined
  readonly pingMs: number
  readonly version: string
  readonly hasMetrics: boolean
  readonly hasSlots: boolean
  readonly hasPage: boolean
  /** Whether cells of one client's prompts are copied for another's. */
  readonly sharesPrompts: boolean
  /** Whether what was asked and answered is logged. */
  readonly logsPrompts: boolean
}

export interface ServerState {
  readonly settings: ServerSettings
  readonly located: LocatedModel
  readonly backend: EngineBackend & { readonly facts: EngineFacts | undefined; readonly progress: number }
  readonly service: GenerationService
  readonly streams: ResumableStreams
  readonly keys: KeyRing
  readonly metrics: Metrics
  /** By their paths in the address. */
  readonly pageFiles: ReadonlyMap<string, PageFile>
  /** When the server was started, in seconds since 1970. */
  readonly startedAt: number
}
