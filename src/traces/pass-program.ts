/**
 * What runs in the process of `PassProcess`: loads a model, then measures the traces that it is sent, one after another.
 * Writes no files.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { LoadedModel } from '../engine/loaded-model.ts'
import { toPlainError } from '../engine/protocol.ts'
import { loadLibrary } from '../llama/index.ts'
import { ImportancePass } from './importance-pass.ts'
import type { ImportanceArrays } from './importance-record.ts'
import type { FromPass, PassSettings, ToPass } from './pass-process.ts'

let pass: ImportancePass | undefined

function send(message: FromPass): void {
  // What cannot be delivered has nobody who waits for it: `disconnect` follows.
  process.send?.(message, undefined, undefined, () => undefined)
}

function open({ path, cells, label, kvType, threads, gpu, gpuLayers }: PassSettings): ImportancePass {
  let percent = 0
  const onProgress = (share: number) => {
    const now = Math.floor(share * 100)
    if (now > percent) send({ type: 'progress', done: share })
    percent = now
    return true
  }
  // Never freed: the end of the process does that.
  const model = LoadedModel.load(loadLibrary(gpu), path, { threads, gpuLayers, onProgress })
  return ImportancePass.create(model, { cells, label, kvType })
}

function opened(): ImportancePass {
  if (!pass) throw new Error('no model is loaded')
  return pass
}

async function run({ trace, sampled }: Extract<ToPass, { type: 'run' }>): Promise<ImportanceArrays> {
  const steps = opened().run(trace, sampled)
  let step = steps.next()
  while (!step.done) {
    send({ type: 'progress', done: step.value })
    // Here it is noticed that there is nobody left to work for.
    await nextTurn()
    step = steps.next()
  }
  return step.value
}

async function answer(message: ToPass): Promise<void> {
  try {
    if (message.type === 'run') send({ type: 'measured', arrays: await run(message) })
    else if (message.type === 'time') send({ type: 'timed', seconds: opened().stepSeconds(message.tokens) })
    else {
      pass = open(message.settings)
      send({ type: 'opened' })
    }
  } catch (error) {
    send({ type: 'failure', error: toPlainError(error) })
  }
}

// Ctrl-C reaches all processes of a terminal; what it means is for the one that was started by the user.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)
process.on('disconnect', () => process.exit())
process.on('message', (message: ToPass) => void answer(message))
