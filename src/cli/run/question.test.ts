import { expect, test } from 'vitest'
import { isChainProblem } from '../../evaluation/chain-problem.ts'
import { exampleQuestion, readQuestion } from './question.ts'

test('the example that is offered is one that the embedded model knows', () => {
  expect(isChainProblem(exampleQuestion)).toBe(true)
})

test('the demo poses a question of its own, the same for the same seed', async () => {
  const ask = (seed: number) => readQuestion(undefined, { demo: true, isEmbeddedModel: true, seed })
  expect(isChainProblem(await ask(1))).toBe(true)
  expect(await ask(1)).toBe(await ask(1))
  expect(await ask(1)).not.toBe(await ask(2))
})

// `dynts run "$QUESTION"` whose variable is not set.
test.each(['', '  \n'])('an empty question is refused, and nothing else is asked in its place: %j', async (empty) => {
  const asked = readQuestion(empty, { demo: false, isEmbeddedModel: true, seed: 1 })
  await expect(asked).rejects.toMatchObject({ code: 'no_question', message: expect.stringMatching(/empty/) as string })
})
