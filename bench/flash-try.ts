import { LoadedModel } from '../src/engine/loaded-model.ts'
import { loadLibrary } from '../src/llama/index.ts'
import { fillCache } from './filled-cache.ts'
const threads = Number(process.argv[2] ?? 1)
const steps = Number(process.argv[3] ?? 12)
const path = process.argv[4] ?? '/work/main/bench/.models/random-1.5b-q4_0-seed1-r1.gguf'
const depths = (process.argv[5] ?? '512,3000,16000').split(',').map(Number)
const prefill = Number(process.argv[6] ?? 256)
const model = LoadedModel.load(loadLibrary('off'), path, { threads })
for (const cells of depths) {
  const contexts = [true, false].map((flashAttention) => ({ flashAttention, context: model.createContext({ cells: cells + 1024, flashAttention }) }))
  for (const { context } of contexts) fillCache(context, 0, Int32Array.from({ length: cells }, (_, i) => i))
  for (let r = 0; r < 3; r++) {
    const row: string[] = []
    for (const { context, flashAttention } of contexts) {
      context.decode({ tokens: [300], positions: [cells], sequences: [0] }, false)
      let start = performance.now()
      for (let i = 1; i <= steps; i++) context.decode({ tokens: [300 + i], positions: [cells + i], sequences: [0] }, false)
      const decode = (performance.now() - start) / steps
      if (r === 0 && !Number.isFinite(context.logits(0)[5])) throw new Error('not finite')
      context.remove(0, cells, cells + steps + 1)
      let rate = NaN
      if (r < 2 && prefill) {
        start = performance.now()
        context.append(0, Array.from({ length: prefill }, (_, i) => 300 + i), cells)
        rate = prefill / (performance.now() - start) * 1000
        context.remove(0, cells, cells + prefill)
      }
      row.push(`flash ${flashAttention ? 'on ' : 'off'} decode ${decode.toFixed(2)} ms prefill ${rate.toFixed(1)} tok/s`)
    }
    console.log(`threads ${threads} cells ${cells}: ${row.join('   |   ')}`)
  }
  for (const { context } of contexts) context.dispose()
}
