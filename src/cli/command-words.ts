/** The words of a command line that name a command: `help` in front of any, and names that there are not. */
import type { Command } from 'commander'
import { didYouMean } from '../did-you-mean.ts'
import { InputError } from '../errors.ts'

/**
 * `help eval merge` and `eval help merge` become `eval merge --help`; anything else stays.
 * @param words what follows `dynts`
 * @throws InputError `unknown_command`, with the command that was probably meant
 */
export function namedCommand(program: Command, words: readonly string[]): string[] {
  const before = pathOf(program, words)
  const command = before.at(-1) ?? program
  const rest = words.slice(before.length)
  const [word] = rest
  if (word === undefined || command.commands.length === 0) return [...words]
  if (word === 'help') {
    const asked = rest.slice(1).filter((each) => !['-h', '--help'].includes(each))
    const after = pathOf(command, asked)
    const unknown = asked[after.length]
    if (unknown !== undefined) throw unknownCommand(unknown, after.at(-1) ?? command)
    return [...[...before, ...after].map((one) => one.name()), '--help']
  }
  // Where a command has subcommands and takes nothing, a word is meant to name one of them.
  if (!word.startsWith('-') && command.registeredArguments.length === 0) throw unknownCommand(word, command)
  return [...words]
}

/** The commands that the first words name, each a subcommand of the one before it. */
function pathOf(program: Command, words: readonly string[]): Command[] {
  const path: Command[] = []
  for (const word of words) {
    const found = (path.at(-1) ?? program).commands.find((one) => one.name() === word)
    if (!found) break
    path.push(found)
  }
  return path
}

function unknownCommand(word: string, command: Command): InputError {
  const names: string[] = []
  for (let one: Command | null = command; one; one = one.parent) names.unshift(one.name())
  const hint = didYouMean(
    word,
    command.commands.map((one) => one.name()),
  )
  const called = names.join(' ')
  const others =
    command.commands.length === 0 ? `${called} has none of its own` : `${called} --help lists those that there are`
  const advice = hint === '' ? ` ${others}.` : hint
  return new InputError('unknown_command', `unknown command '${word}'.${advice}`)
}
