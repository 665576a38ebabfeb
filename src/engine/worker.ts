/**
 * The engine's thread: the only place where llama.cpp is called. It runs the decode loops of all open engines, one step
 * after another, and reads its messages between steps, so that the main thread's event loop is never blocked.
 */
import { parentPort } from 'node:worker_threads'
import { readCalibration } from '../calibration/calibration-file.ts'
import { loadLibrary, type LlamaContext } from '../llama/index.ts'
import { policyThatThrew } from '../eviction/load-policy.ts'
import { readCheckpoint } from '../predictor/index.ts'
import { DecodeLoop } from './decode-loop.ts'
import { LoadedModel } from './loaded-model.ts'
import { prepareRequest } from './prepare.ts'
import { checkTokens, renderPrompt, textsOf } from './prompt.ts'
import { closedError, toPlainError, type Calls, type FromEngine, type ToEngine } from './protocol.ts'
import { checkPrompt } from './request-schema.ts'
import { layOutTrace } from './trace-layout.ts'

interface OpenEngine {
  readonly modelId: number
  readonly context: LlamaContext
  readonly loop: DecodeLoop
}

const port = parentPort
if (!port) throw new Error('worker.js runs in a worker thread only')
const models = new Map<number, LoadedModel>()
const engines = new Map<number, OpenEngine>()
let lastId = 0
let stepping = false
let lastSignAt = 0
const signEveryMs = 250
/** Tokens of a replay in one pass: enough that reading the weights costs little, and few enough that their logits take no room. */
const replayRows = 16

function send(message: FromEngine): void {
  port?.postMessage(message)
}

const handlers: {
  [N in keyof Calls]: (message: Calls[N]['message'], call: number) => Promise<Calls[N]['reply']> | Calls[N]['reply']
} = {
  load: async ({ path, predictorPath, calibrationPath, gpu, gpuLayers, cancel, ...options }, call) => {
    const cancelled = new Int32Array(cancel)
    const predictor = predictorPath === undefined ? undefined : await readCheckpoint(predictorPath)
    const calibration = calibrationPath === undefined ? undefined : await readCalibration(calibrationPath)
    const library = loadLibrary(gpu)
    const loaded = LoadedModel.load(library, path, {
      gpuLayers: gpu === 'off' ? 0 : (gpuLayers ?? -1),
      ...options,
      predictor,
      calibration,
      onProgress: (share) => {
        send({ type: 'progress', call, share })
        return Atomics.load(cancelled, 0) === 0
      },
    })
    const modelId = ++lastId
    models.set(modelId, loaded)
    const { notEvictable } = loaded.llama
    return {
      modelId,
      release: library.release,
      backend: library.backend,
      threads: loaded.threads,
      notEvictable,
    }
  },
  open: ({ modelId, cellsPerSequence, sequences, kvType, flashAttention, attention, bytesPerCell, ...options }) => {
    const model = modelOf(modelId)
    const outputRows = Math.max(sequences, replayRows)
    const context = model.createContext({ cellsPerSequence, sequences, outputRows, kvType, flashAttention, attention })
    const cellBytes = model.cellBytes(context, bytesPerCell)
    const loop = new DecodeLoop(context, model.loopModel(context), { ...options, cellBytes })
    const engineId = ++lastId
    engines.set(engineId, { modelId, context, loop })
    return { engineId, cellsPerSequence: context.cellsPerSequence, cellBytes }
  },
  plan: ({ modelId, request }) => {
    const loaded = modelOf(modelId)
    loaded.checkHasWeights()
    const { definition, protect, promptTokens, neededCells, maxTokens, queries } = prepareRequest(loaded.facts, request)
    const attention = queries > 0
    return {
      policy: definition.name,
      protect,
      promptTokens: promptTokens.length,
      tokens: promptTokens,
      cells: neededCells,
      maxTokens,
      attention,
    }
  },
  tokenize: ({ modelId, text, special = true, addBos = false }) =>
    modelOf(modelId).llama.vocab.tokenize(text, { special, addBos }),
  detokenize: ({ modelId, tokens }) => textsOf(modelOf(modelId).facts.vocab, tokens),
  tokenBytes: ({ modelId, tokens }) => {
    const { vocab } = modelOf(modelId).facts
    checkTokens(vocab, tokens)
    return tokens.map((token) => vocab.piece(token))
  },
  render: ({ modelId, prompt }) => renderPrompt(modelOf(modelId).facts, checkPrompt(prompt)).text,
  layout: ({ modelId, prompt, completion }) => layOutTrace(modelOf(modelId).facts, prompt, completion),
  closeEngine: ({ engineId }) => closeEngine(engineId),
  closeModel: ({ modelId }) => {
    for (const [engineId, engine] of engines) if (engine.modelId === modelId) closeEngine(engineId)
    models.get(modelId)?.dispose()
    models.delete(modelId)
    return undefined
  },
}

function modelOf(modelId: number): LoadedModel {
  const model = models.get(modelId)
  if (!model) throw closedError('model')
  return model
}

function closeEngine(engineId: number): undefined {
  const engine = engines.get(engineId)
  if (!engine) return
  engine.loop.cancelAll()
  advance(engineId, engine.loop)
  engine.loop.dispose()
  engine.context.dispose()
  engines.delete(engineId)
}

async function answer(message: Extract<ToEngine, { call: number }>): Promise<void> {
  try {
    const handler = handlers[message.type] as (message: unknown, call: number) => unknown
    send({ type: 'reply', call: message.call, reply: await handler(message.message, message.call) })
  } catch (error) {
    send({ type: 'failure', call: message.call, error: toPlainError(error) })
  }
}

function submit({ engineId, requestId, request }: Extract<ToEngine, { type: 'submit' }>): void {
  try {
    const open = engines.get(engineId)
    if (!open) throw closedError('engine')
    open.loop.submit(requestId, request)
    wake()
  } catch (error) {
    send({ type: 'events', engineId, items: [{ requestId, error: toPlainError(error) }] })
  }
}

/** One step of a loop; the main thread is told what happened. */
function advance(engineId: number, loop: DecodeLoop): void {
  const items = loop
    .step()
    .map((item) => ('error' in item ? { requestId: item.requestId, error: toPlainError(item.error) } : item))
  const now = performance.now()
  // Without events, as while a long prompt is read, a sign of life now and then.
  if (items.length === 0 && now - lastSignAt < signEveryMs) return
  lastSignAt = now
  send({ type: 'events', engineId, items })
}

function wake(): void {
  if (stepping) return
  stepping = true
  setImmediate(step)
}

/** One step of every loop that has work; messages that came in meanwhile are read before the next. */
function step(): void {
  stepping = false
  for (const [engineId, { loop }] of engines) {
    if (loop.idle) continue
    advance(engineId, loop)
    stepping ||= !loop.idle
  }
  if (stepping) setImmediate(step)
}

// A policy may print what it likes: the process's own output is not disturbed.
process.stdout.write = process.stderr.write.bind(process.stderr)

/** What a policy throws outside of its calls, in a timer or a promise, ends its own sequences; anything else the thread. */
process.on('uncaughtException', (error) => {
  const definition = policyThatThrew(error)
  if (!definition) throw error
  for (const { loop } of engines.values()) loop.failPolicy(definition, error)
  wake()
})

port.on('message', (message: ToEngine) => {
  if (message.type === 'submit') submit(message)
  else if (message.type === 'cancel') {
    const loop = engines.get(message.engineId)?.loop
    loop?.cancel(message.requestId)
    // What the cancelled request came to is told by the next step.
    if (loop) wake()
  } else if (message.type === 'endThinking') engines.get(message.engineId)?.loop.endThinking(message.requestId)
  else void answer(message)
})
