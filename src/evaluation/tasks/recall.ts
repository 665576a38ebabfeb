/**
 * A fact that the thinking states once and the answer needs: replayed, never sampled, at several distances in turn. All texts are
 * equally long, so that distance alone tells them apart.
 */
import { isWhole } from '../../check-whole.ts'
import { InputError } from '../../errors.ts'
import { seedOf } from '../dice.ts'
import { layOutRecall, type RecallVocabulary } from '../recall/lay-out-recall.ts'
import { chainSettings } from './published-settings.ts'
import { checkLimit, loadedTask, tokensName, type Task, type TaskItem } from './task.ts'

const defaultSeed = 0
const leastDistance = 16
/** Tokens. */
const defaultDistances: readonly number[] = [32, 64, 128, 256, 512]
/** What even the furthest fact has before it; all texts are as long as that of the furthest. */
const leadTokens = 64
const factsOfEachDistance = 40
/** Texts of one length, and their prompts, differ by a few tokens. */
const spareTokens = 16

export const recall: Task = {
  name: 'recall',
  isGenerated: true,
  isReplayed: true,
  // Short texts: budgets that hold the nearest facts and not the furthest. Nothing is drawn.
  published: () => ({ ...chainSettings, budget: 256 }),
  async load(options) {
    const { generateSeed: seed = defaultSeed, distances: given, vocabulary } = options
    checkLimit(options.limit)
    checkDistances(given ?? defaultDistances)
    if (!vocabulary) throw new InputError('model_needed', 'The task recall needs the model’s vocabulary.')
    const model = await vocabulary()
    const { distances, leftOut } = await fittingDistances(model, given, options.trainedContext)
    const limit = options.limit ?? factsOfEachDistance * distances.length
    const length = Math.max(...distances) + leadTokens
    const items: TaskItem[] = []
    for (let index = 0; index < limit; index++) {
      options.signal?.throwIfAborted()
      // In turn, so that the first so many items are of all distances.
      const distance = distances[index % distances.length] ?? 0
      const number = Math.floor(index / distances.length)
      const trace = await layOutRecall(model, seedOf('recall', seed, distance, number), { distance, length })
      const value = (await model.detokenize(trace.tokens)).slice(trace.answerFrom)
      items.push({
        ...{ id: `${seed}-${distance}-${number}`, index, prompt: tokensName(trace) },
        ...{ expected: value.join('').trim(), kind: 'math', trace },
      })
    }
    return loadedTask('recall', `generated from seed ${seed}${leftOut}`, items)
  },
}

/**
 * The distances that the model's context has room for; of the default ones those that do not fit are left out.
 * @param given undefined: the default ones
 * @throws InputError `invalid_distance`, naming the largest that fits
 */
async function fittingDistances(
  model: RecallVocabulary,
  given: readonly number[] | undefined,
  trainedContext = Infinity,
): Promise<{ readonly distances: readonly number[]; readonly leftOut: string }> {
  const distances = given ?? defaultDistances
  const { promptTokens } = await layOutRecall(model, 0, { distance: leastDistance, length: leastDistance + leadTokens })
  const largest = trainedContext - promptTokens.length - leadTokens - spareTokens
  const tooLong = distances.filter((distance) => distance > largest)
  if (tooLong.length === 0) return { distances, leftOut: '' }
  const why = `the model was trained for ${trainedContext} positions`
  const fitting = distances.filter((distance) => distance <= largest)
  if (given === undefined && fitting.length > 0) {
    return { distances: fitting, leftOut: `, without distance ${tooLong.join(', ')}: ${why}` }
  }
  const most = largest < leastDistance ? 'none fits' : `the largest distance that fits is ${largest}`
  throw new InputError('invalid_distance', `A distance of ${tooLong[0]} tokens does not fit: ${why}, ${most}.`)
}

/** @throws InputError `invalid_distance` */
function checkDistances(distances: readonly number[]): void {
  const isFit = distances.length > 0 && distances.every((one) => isWhole(one, leastDistance, 100_000))
  if (isFit && new Set(distances).size === distances.length) return
  throw new InputError(
    'invalid_distance',
    `Distances are different whole numbers of tokens from 16 to 100,000, not ${distances.join(', ')}.`,
  )
}
