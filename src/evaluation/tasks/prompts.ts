/**
 * The user's messages. There is no system prompt and there are no examples, as DeepSeek recommends for its R1 models.
 */

/** The letters of four choices, in the order in which they are shown. */
export const choiceLetters = ['A', 'B', 'C', 'D'] as const

/** DeepSeek's own sentence for mathematics. */
export function mathPrompt(question: string): string {
  return `${question.trim()}\nPlease reason step by step, and put your final answer within \\boxed{}.`
}

/**
 * DeepSeek gives no sentence for choices; this is the one for mathematics, asking for the letter.
 * @param choices four, in the order of the letters
 */
export function choicePrompt(question: string, choices: readonly string[]): string {
  const lines = choiceLetters.map((letter, i) => `${letter}. ${(choices[i] ?? '').trim()}`)
  return [
    question.trim(),
    '',
    ...lines,
    '',
    'Please reason step by step, and put the letter of the right choice (A, B, C or D) within \\boxed{}.',
  ].join('\n')
}
