/**
 * A policy of one's own (policies/every-other.ts) beside dynts and the full cache, on the same question and seed.
 */
import { fileURLToPath } from 'node:url'
import { Engine, loadModel } from 'dynts'

const question =
  'Ava has 5 coins. Ben has 3 more than Ava. Cara has twice as many as Ben. Dan has 4 fewer than Cara. How many coins does Dan have?'
const everyOther = fileURLToPath(new URL('./policies/every-other.ts', import.meta.url))

const model = await loadModel('tiny')
try {
  const engine = await Engine.create(model, { cells: 1024, sequences: 3 })
  const bounded = { budget: 128, localWindow: 16, ratio: 0.5 }
  const settings = [{ policy: 'full' }, { policy: 'dynts', ...bounded }, { policy: everyOther, ...bounded }]
  const results = await Promise.all(
    settings.map((setting) =>
      engine.complete({
        prompt: { messages: [{ role: 'user', content: question }] },
        maxTokens: 800,
        seed: 1,
        ...setting,
      }),
    ),
  )
  for (const { answer, cache, usage } of results) {
    const boxed = /\\boxed\{(.*?)\}/.exec(answer)?.[1] ?? 'no answer'
    console.log(`${cache.policy}: ${boxed}, ${usage.thinkingTokens} thinking tokens, at most ${cache.peakCells} cells`)
  }
} finally {
  await model.close()
}
