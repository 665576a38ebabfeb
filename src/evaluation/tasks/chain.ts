/**
 * The embedded model's task: chain problems, shipped or generated. The question is the whole prompt, as in training.
 */
import { generateChainProblem } from '../chain-problem.ts'
import { seedOf } from '../dice.ts'
import { readQuestionFile } from '../questions/question-file.ts'
import { chainSettings } from './published-settings.ts'
import { shippedProblems } from './shipped-problems.ts'
import { givenFile } from './task-file.ts'
import { checkLimit, loadedTask, type LoadedTask, type Task, type TaskItem, type TaskLoadOptions } from './task.ts'

/** Seed of the problems beyond the shipped ones. */
const furtherSeed = 0
const shippedCount = 500

export const chain: Task = {
  name: 'chain',
  isGenerated: true,
  published: () => chainSettings,
  async load(options) {
    const { limit = shippedCount, generateSeed, file } = options
    checkLimit(options.limit)
    if (generateSeed !== undefined) {
      return loadedTask('chain', `generated from seed ${generateSeed}`, generated(generateSeed, limit, 0))
    }
    if (file !== undefined) {
      const { path, source } = await givenFile(file, options)
      const { items, leftOut } = await fromFile(path, options)
      return loadedTask('chain', source, items, leftOut)
    }
    const { items: shipped } = await fromFile(shippedProblems('test'), { limit: Math.min(limit, shippedCount) })
    const source = 'shipped test problems'
    if (limit <= shippedCount) return loadedTask('chain', source, shipped)
    const further = generated(furtherSeed, limit - shippedCount, shippedCount)
    return loadedTask('chain', `${source}, then generated from seed ${furtherSeed}`, [...shipped, ...further])
  },
}

async function fromFile(
  path: string,
  { questionField, answerField, idField, limit }: TaskLoadOptions,
): Promise<Pick<LoadedTask, 'items' | 'leftOut'>> {
  const { questions, leftOut } = await readQuestionFile(path, { questionField, answerField, idField, limit })
  const items = questions.map(({ id, question, answer, index }) => chainItem(id, index, question, answer))
  return { items, leftOut: leftOut.length }
}

/** The same seed gives the same problems, however many: the n-th does not depend on those before it. */
function generated(seed: number, count: number, firstIndex: number): TaskItem[] {
  return Array.from({ length: count }, (_, i) => {
    const { question, answer } = generateChainProblem(seedOf('chain', seed, i))
    return chainItem(`generated-${seed}-${i}`, firstIndex + i, question, answer)
  })
}

function chainItem(id: string, index: number, question: string, answer: string): TaskItem {
  return { id, index, prompt: question, expected: answer, kind: 'chain' }
}
