/**
 * `--queue`: what it is called, what has no effect beside it, and what is said of workers. Carries out nothing.
 */
import { Option } from 'commander'
import type { GpuChoice } from '../llama/index.ts'
import { describeQueue } from '../queue/connection.ts'
import { JobQueue } from '../queue/job-queue.ts'
import { shellWord } from './message-line.ts'
import { counted } from './output/counted.ts'
import { refuseWithoutEffect } from './options/option-values.ts'
import type { ProgressLine } from './output/progress-line.ts'

export interface QueueFlags {
  readonly queue?: string
}

export function queueOption(): Option {
  return new Option(
    '--queue <address>',
    'let dynts worker carry it out, on as many machines as wanted, by a Redis or Valkey server: redis://HOST:PORT',
  )
}

/** @throws InputError `invalid_queue`; `invalid_option` for options that are not for whoever adds jobs */
export function checkQueueFlags({ queue }: QueueFlags, others: Readonly<Record<string, unknown>>): void {
  if (queue === undefined) return
  describeQueue(queue)
  refuseWithoutEffect(others, 'with --queue')
}

/** What only a worker can be told. */
export function workerOnly(flags: {
  readonly parallel?: number
  readonly threads?: number
  readonly gpu: GpuChoice
  readonly gpuLayers?: number
}): Record<string, unknown> {
  const { parallel, threads, gpu, gpuLayers } = flags
  return { '--parallel': parallel, '--threads': threads, '--gpu': gpu !== 'auto', '--gpu-layers': gpuLayers }
}

export interface QueueClient extends AsyncDisposable {
  readonly jobs: JobQueue
  /** Whether nothing is left for workers when it is disposed of. */
  isComplete: boolean
  /** How many work, for a line of progress. */
  note(): string
}

/**
 * @param runFile keeps which jobs are this output's
 * @returns undefined without `--queue`
 * @throws InputError `queue_unreachable`, `queue_not_installed`
 */
export async function openQueueClient(
  { queue: address, resume }: QueueFlags & { readonly resume: boolean },
  runFile: string,
  progress: ProgressLine,
): Promise<QueueClient | undefined> {
  if (address === undefined) return undefined
  let workers: number | undefined
  let active = 0
  const jobs = await JobQueue.open({
    address,
    runFile,
    resume,
    onNote: (text) => progress.say(text),
    onState: (state) => {
      if (state.workers !== workers) progress.say(connected(state.workers, address))
      ;({ workers, active } = state)
    },
  })
  const client: QueueClient = {
    jobs,
    isComplete: false,
    note: () => (workers === undefined ? '' : `${counted(workers, 'worker')}, ${active} under way`),
    async [Symbol.asyncDispose]() {
      await jobs.close(client.isComplete)
    },
  }
  return client
}

function connected(workers: number, address: string): string {
  if (workers === 0) return `no worker is connected: dynts worker --queue ${shellWord(describeQueue(address))}`
  return `${counted(workers, 'worker')} connected`
}
