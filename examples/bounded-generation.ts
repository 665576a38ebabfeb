/**
 * One question, thought about in a cache that never holds more than 128 cells; the answer is printed as it is written.
 */
import { Engine, loadModel } from 'dynts'

const question =
  'Ava has 5 coins. Ben has 3 more than Ava. Cara has twice as many as Ben. Dan has 4 fewer than Cara. How many coins does Dan have?'

const model = await loadModel('tiny')
try {
  const engine = await Engine.create(model, { cells: 128 })
  const generation = engine.generate({
    prompt: { messages: [{ role: 'user', content: question }] },
    policy: 'dynts',
    budget: 128,
    localWindow: 16,
    ratio: 0.5,
    seed: 1,
  })
  for await (const event of generation) {
    if (event.type === 'token' && event.phase === 'answer') process.stdout.write(event.text)
    if (event.type === 'finish') {
      const { cache, usage } = event.result
      console.log(
        `\n${usage.thinkingTokens} thinking tokens, at most ${cache.peakCells} cells, ${cache.evictions} evictions`,
      )
    }
  }
} finally {
  await model.close()
}
