/**
 * A question with its choices as one text.
 */

/** By which choices are shown, in their order. */
export const choiceLetters: readonly string[] = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ')

/** The question, and behind it a line for each choice, unless it has them already, each with its letter. */
export function choiceText(question: string, choices: readonly string[]): string {
  const lines = choices.map((choice, i) => `${choiceLetters[i] ?? ''}. ${choice.trim()}`)
  return holdsAll(question, choices) ? question.trim() : [question.trim(), '', ...lines].join('\n')
}

function holdsAll(question: string, choices: readonly string[]): boolean {
  const text = compact(question)
  return choices.every((choice, i) => {
    const letter = choiceLetters[i] ?? ''
    return [')', '.', ':'].some((mark) => text.includes(compact(`${letter}${mark}${choice}`)))
  })
}

function compact(text: string): string {
  return text.replace(/\s+/g, '')
}
