import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { int32View, int8View, pointerView, float32View } from '../../src/llama/native-memory.ts'
import { LoadedModel } from '../../src/engine/loaded-model.ts'
import { loadLibrary } from '../../src/llama/index.ts'
import { importanceOracle, tinyF16 } from '../oracle.ts'
import { runRequests } from '../support/run-requests.ts'

let model: LoadedModel
beforeAll(() => {
  model = LoadedModel.load(loadLibrary('off'), tinyF16, { threads: 1 })
})
afterAll(() => model.dispose())

/** llama_decode and argmax, with nothing of ours but the names of the C functions. */
function bareGreedy(prompt: readonly number[], count: number): number[] {
  const { c } = loadLibrary('off')
  const pointer = model.llama.pointer
  const vocab = c.llama_model_get_vocab(pointer)
  const size = c.llama_vocab_n_tokens(vocab)
  const params = {
    ...c.llama_context_default_params(),
    n_ctx: 1024,
    n_threads: 1,
    n_threads_batch: 1,
    flash_attn_type: 0,
  }
  const context = c.llama_init_from_model(pointer, params)!
  const batch = c.llama_batch_init(512, 0, 1)
  const generated: number[] = []
  try {
    let next = [...prompt]
    for (let position = 0; ; position += next.length, next = [generated.at(-1)!]) {
      int32View(batch.token, next.length).set(next)
      int32View(batch.pos, next.length).set(next.map((_, i) => position + i))
      int32View(batch.n_seq_id, next.length).fill(1)
      for (const address of pointerView(batch.seq_id, next.length)) int32View(address, 1)[0] = 0
      int8View(batch.logits, next.length).set(next.map((_, i) => (i === next.length - 1 ? 1 : 0)))
      batch.n_tokens = next.length
      expect(c.llama_decode(context, batch)).toBe(0)
      const logits = float32View(c.llama_get_logits_ith(context, -1)!, size)
      let best = 0
      for (let token = 1; token < size; token++) if (logits[token]! > logits[best]!) best = token
      generated.push(best)
      if (generated.length === count || c.llama_vocab_is_eog(vocab, best)) return generated
    }
  } finally {
    c.llama_batch_free(batch)
    c.llama_free(context)
  }
}

describe('greedy output with the full cache', () => {
  test.each(importanceOracle().traces.slice(0, 4))('trace $id: token for token that of a bare loop', (trace) => {
    const prompt = trace.tokens.slice(0, trace.promptTokens)
    const bare = bareGreedy(prompt, 700)
    expect(bare.length).toBeGreaterThan(150)
    const [run] = runRequests(model, [
      { prompt: { tokens: prompt }, policy: 'full', sampling: { temperature: 0 }, maxTokens: 700 },
    ])
    expect(run!.generated).toEqual(bare)
    expect(run!.result.finishReason).toBe(bare.length < 700 ? 'stop' : 'length')
  })
})
