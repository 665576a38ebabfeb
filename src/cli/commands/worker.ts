/**
 * `dynts worker`: carries out the jobs of `--queue` of `dynts eval`, `dynts trace` and `dynts analyze pareto`, as one of as many as wanted.
 */
import { Command } from 'commander'
import { Grader } from '../../evaluation/grading/grader.ts'
import { describeQueue } from '../../queue/connection.ts'
import { serveJobs, type Served, type ServedAtLast } from '../../queue/job-worker.ts'
import { ModelPool } from '../../queue/model-pool.ts'
import { calibrationOption } from '../options/calibration-option.ts'
import { counted } from '../output/counted.ts'
import type { ModelFlags } from '../find-model.ts'
import { onInterrupt } from '../interrupt.ts'
import { addDeviceOptions, checkDeviceFlags, type DeviceFlags } from '../options/machine-options.ts'
import { checkWhole, number } from '../options/option-values.ts'
import { packageVersion } from '../package-version.ts'
import { toStderr as say, writeResult } from '../output/write.ts'

interface WorkerFlags extends DeviceFlags, Partial<ModelFlags> {
  readonly queue: string
  readonly parallel: number
  readonly once?: boolean
  readonly lease: number
  readonly json?: boolean
}

const statusEveryMs = 10_000

export function workerCommand(): Command {
  const command = new Command('worker')
    .requiredOption('--queue <address>', 'Redis or Valkey server: redis://HOST:PORT, or rediss:// for TLS')
    .option('-m, --model <model>', 'in place of the model that jobs name; it must be the same file')
    .option('--predictor <file>', 'in place of the predictor that jobs name; it must be the same file')
    .addOption(calibrationOption())
    .option('--parallel <n>', 'jobs at the same time, memory permitting', number, 4)
    .option('--once', 'end when no job is waiting or under way any more')
    .option('--lease <seconds>', 'jobs of a worker that gives no sign of life for so long are for others', number, 60)
  return addDeviceOptions(command)
    .option('--json', 'print one JSON object')
    .action((flags: WorkerFlags) => work(flags))
}

async function work(flags: WorkerFlags): Promise<void> {
  const { queue, model, predictor, parallel, once = false, lease, threads, gpu, gpuLayers, offline } = flags
  const address = describeQueue(queue)
  checkWhole('--parallel', parallel, 1, 256)
  checkWhole('--lease', lease, 1, 24 * 3600)
  checkDeviceFlags(flags)
  using signal = onInterrupt()
  const status = new Status()
  await using grader = new Grader()
  const loading = { calibration: flags.calibration, threads, gpu, gpuLayers, offline, signal }
  const versions = { dynts: packageVersion() }
  const onToken = (tokens: number) => status.onToken(tokens)
  const models = new ModelPool({ model, predictor, parallel, loading, grader, versions, onToken, onNote: say })
  try {
    const served = await serveJobs({
      ...{ address: queue, parallel, leaseMs: lease * 1000, once, signal, onNote: say },
      onOpen: () => say(`serving ${address}, ${counted(parallel, 'job')} at the same time; Ctrl-C ends it`),
      execute: (data, stopped) => models.execute(data, stopped),
      onProgress: (now) => status.update(now),
    })
    if (signal.aborted) say(interrupted(served))
    const { done, failed } = served
    const record = { schema: 'dynts.worker/1', queue: address, done, failed, versions }
    writeResult(flags, record, `${counted(done, 'job')} done${failed > 0 ? `, ${failed} failed` : ''}`)
  } finally {
    status.stop()
    await models.close()
  }
}

function interrupted({ handedBack }: ServedAtLast): string {
  return handedBack
    ? 'Interrupted. What was under way went back into the queue.'
    : 'Interrupted. The server does not answer: what was under way goes back into the queue when the lease has run out.'
}

/** A line now and then of what the worker does, if it does something. */
class Status {
  #now: Served = { done: 0, failed: 0, underWay: 0 }
  #tokens = 0
  #said = { tokens: 0, at: performance.now() }
  readonly #timer = setInterval(() => this.#say(), statusEveryMs).unref()

  onToken(tokens: number): void {
    this.#tokens += tokens
  }

  update(now: Served): void {
    this.#now = now
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #say(): void {
    const { done, failed, underWay } = this.#now
    const { tokens, at } = this.#said
    this.#said = { tokens: this.#tokens, at: performance.now() }
    if (tokens === this.#tokens) return
    const rate = Math.round(((this.#tokens - tokens) * 1000) / (this.#said.at - at))
    say(
      `${counted(done, 'job')} done, ${failed > 0 ? `${failed} failed, ` : ''}${underWay} under way, ${rate} tokens/s`,
    )
  }
}
