/**
 * The loop of an engine's process: waits for a run, measures it, answers. Ends when its parent does.
 */
import type { EngineConfig, EngineReply, PeerEngine, RunMessage } from './protocol.ts'

export async function serve(create: (config: EngineConfig) => Promise<PeerEngine>): Promise<void> {
  // Ctrl-C reaches the whole group of processes; the parent decides.
  process.on('SIGINT', () => undefined)
  process.on('disconnect', () => process.exit(0))
  const reply = (message: EngineReply) => process.send?.(message)
  const fail = (error: unknown) =>
    reply({ type: 'failed', message: error instanceof Error ? error.message : String(error) })
  try {
    const engine = await create(JSON.parse(process.argv[2] ?? '') as EngineConfig)
    process.on('message', (message: RunMessage) => {
      measure(engine, message).then((ms) => reply({ type: 'done', ms }), fail)
    })
    const { version, settings, sampling } = engine
    reply({ type: 'ready', version, settings, sampling })
  } catch (error) {
    fail(error)
  }
}

async function measure(engine: PeerEngine, { warmUp, steps }: RunMessage): Promise<number> {
  let tokens = 0
  let start = 0
  let end = 0
  await engine.generate(warmUp + steps + 1, () => {
    tokens++
    if (tokens === warmUp) start = performance.now()
    if (tokens === warmUp + steps) end = performance.now()
    return tokens < warmUp + steps
  })
  if (end === 0) throw new Error(`the model ended its text after ${tokens} of ${warmUp + steps} tokens`)
  return end - start
}
