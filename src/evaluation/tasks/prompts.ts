/**
 * The user's messages. There is no system prompt and there are no examples, as DeepSeek recommends for its R1 models.
 */
import { choiceLetters } from '../questions/choice-text.ts'

/** DeepSeek's own sentence for mathematics. */
export const mathInstruction = 'Please reason step by step, and put your final answer within \\boxed{}.'

export function mathPrompt(question: string): string {
  return `${question.trim()}\n${mathInstruction}`
}

/**
 * DeepSeek gives no sentence for choices; this is the one for mathematics, asking for the letter.
 * @param question with its choices, each with its letter
 * @param count of the choices
 */
export function choicePrompt(question: string, count: number): string {
  const letters = choiceLetters.slice(0, count)
  const list = `${letters.slice(0, -1).join(', ')} or ${letters.at(-1) ?? ''}`
  return `${question.trim()}\n\nPlease reason step by step, and put the letter of the right choice (${list}) within \\boxed{}.`
}

/**
 * For puzzles whose answer is names.
 * @param wanted which names, and in which order
 */
export function namesPrompt(question: string, wanted: string): string {
  return `${question}\n\nPlease reason step by step, and put ${wanted}, separated by commas, within \\boxed{}.`
}

/**
 * For a function that tests are run on.
 * @param start its comment and head, as the data set has it
 */
export function functionPrompt(start: string, name: string): string {
  return `Write this function in JavaScript:\n\n\`\`\`javascript\n${start.trim()}\n\`\`\`\n\nPlease reason step by step, and give the whole function ${name}, with all that it needs, in one code block.`
}

/** For a program of which counts what it prints. */
export function programPrompt(question: string): string {
  return `${question.trim()}\n\nPlease reason step by step, and give a JavaScript program that prints the result with console.log, in one code block.`
}
