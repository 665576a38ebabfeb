/** Runs the choices of a request, and tells what happens to each as it happens. */
import type { PlanReply } from '../../engine/protocol.ts'
import type { GenerateEvent, GenerateRequest } from '../../engine/types.ts'
import { ApiError, apiErrorOf, contextExceeded } from '../api-error.ts'
import type { Call } from '../endpoint.ts'
import { clientLeft } from '../reply.ts'
import type { ServerState } from '../server-state.ts'
import type { Job } from '../job.ts'
import type { Asker, GenerationService } from '../service.ts'
import { mostPromptTokens, type PromptToken } from './event-chunks.ts'
import type { Finished } from './report.ts'
import type { ReadRequest } from './request.ts'

export interface ChoiceListener {
  /** What the engine is asked to do, before anything happens to a choice. */
  onSettled(read: ReadRequest): void
  onEvent(choice: number, event: GenerateEvent, job: Job): void
  /** As `JobListener.onRestart`. */
  onRestart(choice: number): boolean
  /** As `JobListener.onQueued`. */
  onQueued?(choice: number, position: number): void
}

export interface RunningChoices {
  /** The request as the engine carries it out. Rejects with the ApiError of one that it cannot. */
  readonly settled: Promise<ReadRequest>
  /** Once it is known that the engine is being started again, and `settled` has to wait for it; else it is never settled. */
  readonly waits: Promise<void>
  /** All choices' ends. Rejects with the ApiError of the first that failed; the others are cancelled then. */
  readonly finished: Promise<readonly Finished[]>
  /** Ends them all; `finished` is never settled then. */
  readonly cancel: () => void
}

/** The engine as a request asks it: how many cells a slot has, and who wants to know. */
interface Asking {
  readonly service: GenerationService
  readonly cells: number
  readonly asker?: Asker
}

/**
 * The request as the engine is to carry it out.
 * @throws ApiError for what cannot be carried out
 */
async function settle(asking: Asking, read: ReadRequest): Promise<ReadRequest> {
  const settled = await Promise.all(read.generations.map((generation) => settleOne(asking, generation, read)))
  return {
    ...read,
    generations: settled.map(({ generation }) => generation),
    prompts: settled.map(({ prompt }) => prompt),
    // As in the whole answer: those of the first.
    ...(read.withTokenIds ? { promptTokenIds: settled[0]?.tokens ?? [] } : {}),
  }
}

interface Settled {
  readonly generation: ReadRequest['generations'][number]
  readonly prompt: readonly PromptToken[]
  readonly tokens: readonly number[]
}

async function settleOne(
  asking: Asking,
  asked: ReadRequest['generations'][number],
  { seed, mayShrink, mayGrow, withEvents, withTokenIds, echoes }: ReadRequest,
): Promise<Settled> {
  const { cells } = asking
  const { plan, generation } = await fitted(asking, { ...asked, seed }, mayGrow)
  const told = plan.tokens.subarray(0, echoes ? Infinity : withEvents ? mostPromptTokens : 0)
  const prompt = told.length > 0 ? await promptTokens(asking, told) : []
  const tokens = withTokenIds ? [...plan.tokens] : []
  if (plan.cells <= cells) return { generation, prompt, tokens }
  // Without a bound: the default number of tokens shrinks to what the slot holds.
  const room = cells - plan.promptTokens + 1
  if (room < 1) throw contextExceeded(plan.promptTokens, cells, { remedy: 'start the server with a larger --cells' })
  if (mayShrink) return { generation: { ...generation, maxTokens: room }, prompt, tokens }
  throw new ApiError(
    400,
    'cache_too_small',
    `the request may need ${plan.cells} cells and a slot has ${cells}: give max_tokens ${room} or less, or start the server with --cells ${plan.cells}`,
    { param: 'max_tokens' },
  )
}

/**
 * What a request needs; where the budget is the server's and the prompt does not fit it, under the least one that has room for the thinking.
 * @throws ApiError `context_length_exceeded` naming what would do
 */
export async function fitted(
  asking: Asking,
  generation: GenerateRequest,
  mayGrow: boolean,
): Promise<{ readonly plan: PlanReply; readonly generation: GenerateRequest }> {
  const { service, cells, asker } = asking
  try {
    return { plan: await service.ask('plan', generation, asker), generation }
  } catch (error) {
    const { facts } = apiErrorOf(error)
    if (!facts.budgets) throw error
    const { least, roomy } = facts.budgets
    if (mayGrow && roomy <= cells) return await fitted(asking, { ...generation, budget: roomy }, false)
    const { n_prompt_tokens: tokens = 0, n_ctx: most = 0 } = (facts.extra ?? {}) as Record<string, number>
    const remedy =
      least <= cells ? `give dynts.budget ${least} or more` : `start the server with --cells ${least} or more`
    throw contextExceeded(tokens, mayGrow ? Math.max(most, cells - roomy + tokens) : most, { ...facts, remedy })
  }
}

async function promptTokens({ service, asker }: Asking, tokens: Int32Array): Promise<PromptToken[]> {
  const texts = await service.ask('detokenize', [...tokens], asker)
  return Array.from(tokens, (token, i) => [token, texts[i] ?? ''])
}

/**
 * The choices take their places in the queue at once; what the engine is to do is settled while they wait.
 * @throws ApiError if the queue is full
 */
export function runChoices(
  { service, backend }: Pick<ServerState, 'service' | 'backend'>,
  { client, requestId, arrivedAt }: Pick<Call, 'client' | 'requestId' | 'arrivedAt'>,
  id: string,
  read: ReadRequest,
  listener: ChoiceListener,
): RunningChoices {
  const { choices, seed } = read
  const count = read.generations.length * choices
  const finished: (Finished | undefined)[] = Array.from({ length: count }, () => undefined)
  let finish: { resolve: (all: readonly Finished[]) => void; reject: (error: ApiError) => void } | undefined
  const ends = new Promise<readonly Finished[]>((resolve, reject) => (finish = { resolve, reject }))
  ends.catch(() => undefined)
  const controller = new AbortController()
  const cancelAll = (hasLeft: boolean) => {
    controller.abort()
    for (const job of jobs) service.cancel(job, hasLeft)
  }
  const fail = (error: ApiError) => {
    finish?.reject(error)
    cancelAll(false)
  }
  const requests = Array.from({ length: count }, (_, choice) => ({
    id: count === 1 ? id : `${id}-${choice}`,
    requestId,
    arrivedAt,
    listener: {
      onEvent: (event: GenerateEvent) => {
        const job = jobs[choice]
        if (!job) return
        listener.onEvent(choice, event, job)
        if (event.type !== 'finish') return
        finished[choice] = { job, result: event.result }
        const ended = finished.filter((one) => one !== undefined)
        if (ended.length === count) finish?.resolve(ended)
      },
      onRestart: () => listener.onRestart(choice),
      onQueued: (position: number) => listener.onQueued?.(choice, position),
      onError: fail,
    },
  }))
  const jobs = service.submit(client, requests)
  let onWait: (() => void) | undefined
  const waits = new Promise<void>((resolve) => (onWait = resolve))
  const asking = {
    service,
    cells: backend.facts?.cells ?? 0,
    asker: { signal: controller.signal, onWait: () => onWait?.() },
  }
  const settled = settle(asking, read)
    .then((carriedOut) => {
      if (controller.signal.aborted) throw clientLeft()
      listener.onSettled(carriedOut)
      const generations = carriedOut.generations.flatMap((one) => Array.from({ length: choices }, () => one))
      service.settle(
        jobs,
        generations.map((one, choice) => ({ ...one, seed: (seed + (choice % choices)) % (2 ** 32 - 1) })),
      )
      return carriedOut
    })
    .catch((error: unknown) => {
      const known = apiErrorOf(error)
      if (!controller.signal.aborted) {
        service.withdraw(jobs)
        fail(known)
      }
      throw known
    })
  settled.catch(() => undefined)
  return { settled, waits, finished: ends, cancel: () => cancelAll(true) }
}
