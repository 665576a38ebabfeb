/** Runs the choices of a request, and tells what happens to each as it happens. */
import type { PlanReply } from '../../engine/protocol.ts'
import type { GenerateEvent, GenerateRequest } from '../../engine/types.ts'
import { ApiError, apiErrorOf, contextExceeded } from '../api-error.ts'
import type { Call } from '../endpoint.ts'
import type { GenerationService, Job } from '../service.ts'
import { mostPromptTokens, type PromptToken } from './event-chunks.ts'
import type { Finished } from './report.ts'
import type { ReadRequest } from './request.ts'

export interface ChoiceListener {
  onEvent(choice: number, event: GenerateEvent, job: Job): void
  /** As `JobListener.onRestart`. */
  onRestart(choice: number): boolean
  /** As `JobListener.onQueued`. */
  onQueued?(choice: number, position: number): void
}

export interface RunningChoices {
  /** All choices' ends. Rejects with the ApiError of the first that failed; the others are cancelled then. */
  readonly finished: Promise<readonly Finished[]>
  /** Ends them all; `finished` is never settled then. */
  readonly cancel: () => void
}

/**
 * The request as the engine is to carry it out.
 * @throws ApiError for what cannot be carried out
 */
export async function settle(service: GenerationService, read: ReadRequest, cells: number): Promise<ReadRequest> {
  const settled = await Promise.all(read.generations.map((generation) => settleOne(service, generation, read, cells)))
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
  service: GenerationService,
  asked: ReadRequest['generations'][number],
  { seed, mayShrink, mayGrow, withEvents, withTokenIds }: ReadRequest,
  cells: number,
): Promise<Settled> {
  const { plan, generation } = await fitted(service, { ...asked, seed }, { mayGrow, cells })
  const prompt = withEvents ? await promptTokens(service, plan.tokens) : []
  const tokens = withTokenIds ? [...plan.tokens] : []
  if (plan.cells <= cells) return { generation, prompt, tokens }
  // Without a bound: the default number of tokens shrinks to what the slot holds.
  const room = cells - plan.promptTokens + 1
  if (room < 1) throw contextExceeded(plan.promptTokens, cells)
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
  service: GenerationService,
  generation: GenerateRequest,
  { mayGrow, cells }: { readonly mayGrow: boolean; readonly cells: number },
): Promise<{ readonly plan: PlanReply; readonly generation: GenerateRequest }> {
  try {
    return { plan: await service.ask('plan', generation), generation }
  } catch (error) {
    const { facts } = apiErrorOf(error)
    if (!facts.budgets) throw error
    const { least, roomy } = facts.budgets
    if (mayGrow && roomy <= cells)
      return await fitted(service, { ...generation, budget: roomy }, { mayGrow: false, cells })
    const { n_prompt_tokens: tokens = 0, n_ctx: most = 0 } = (facts.extra ?? {}) as Record<string, number>
    const remedy =
      least <= cells ? `give dynts.budget ${least} or more` : `start the server with --cells ${least} or more`
    throw contextExceeded(tokens, mayGrow ? Math.max(most, cells - roomy + tokens) : most, { ...facts, remedy })
  }
}

async function promptTokens(service: GenerationService, tokens: Int32Array): Promise<PromptToken[]> {
  const told = [...tokens.subarray(0, mostPromptTokens)]
  const texts = await service.ask('detokenize', told)
  return told.map((token, i) => [token, texts[i] ?? ''])
}

/** @throws ApiError if the queue is full */
export function runChoices(
  service: GenerationService,
  { client, requestId }: Pick<Call, 'client' | 'requestId'>,
  id: string,
  { generations, seed, choices }: ReadRequest,
  listener: ChoiceListener,
): RunningChoices {
  const count = generations.length * choices
  const finished: (Finished | undefined)[] = Array.from({ length: count }, () => undefined)
  let settle: { resolve: (all: readonly Finished[]) => void; reject: (error: ApiError) => void } | undefined
  const ends = new Promise<readonly Finished[]>((resolve, reject) => (settle = { resolve, reject }))
  ends.catch(() => undefined)
  const cancel = () => {
    for (const job of jobs) service.cancel(job)
  }
  const all = generations.flatMap((generation) => Array.from({ length: choices }, (_, i) => ({ generation, i })))
  const requests = all.map(({ generation, i }, choice) => ({
    id: count === 1 ? id : `${id}-${choice}`,
    requestId,
    request: { ...generation, seed: (seed + i) % (2 ** 32 - 1) },
    listener: {
      onEvent: (event: GenerateEvent) => {
        const job = jobs[choice]
        if (!job) return
        listener.onEvent(choice, event, job)
        if (event.type !== 'finish') return
        finished[choice] = { job, result: event.result }
        const ended = finished.filter((one) => one !== undefined)
        if (ended.length === count) settle?.resolve(ended)
      },
      onRestart: () => listener.onRestart(choice),
      onQueued: (position: number) => listener.onQueued?.(choice, position),
      onError: (error: ApiError) => {
        settle?.reject(apiErrorOf(error))
        cancel()
      },
    },
  }))
  const jobs: Job[] = []
  jobs.push(...service.submit(client, requests))
  return { finished: ends, cancel }
}
