/**
 * The command line: one file for each command, found here. Bad input gives exit code 2 and one line on stderr.
 */
import { Command, CommanderError } from 'commander'
import { EngineError, InputError } from '../errors.ts'
import { commandsFor } from './command-table.ts'
import { withFlags } from '../option-names.ts'
import { namedCommand } from './command-words.ts'
import { fileFailure, isSystemError, outputFailure } from '../records/file-failure.ts'
import { refuseEmptyPaths } from './empty-paths.ts'
import { errorLine } from './message-line.ts'
import { joinPairs, refuseContradictions } from './options/option-values.ts'
import { packageVersion } from './package-version.ts'
import { useProxy } from './proxy.ts'

const exitCode = { failure: 1, badInput: 2 }

/**
 * Runs one command.
 * @param argv as `process.argv`
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  endWhenOutputFails()
  const program = new Command('dynts')
    .description('Reasoning models with a bounded KV cache: Dynamic Thinking-Token Selection on llama.cpp')
    .version(packageVersion())
    // So that a subcommand may have options of the same name as the command above it.
    .enablePositionalOptions()
    .hook('preAction', async (_, command) => {
      refuseEmptyPaths(command)
      await useProxy(process.env)
    })
  try {
    for (const command of await commandsFor(argv.slice(2))) program.addCommand(command)
    prepareForErrors(program)
    const words = namedCommand(program, argv.slice(2))
    await program.parseAsync(joinPairs([...argv.slice(0, 2), ...words]))
    return Number(process.exitCode ?? 0)
  } catch (error) {
    return report(error)
  }
}

/** Commander exits by itself unless every command is told otherwise. */
function prepareForErrors(command: Command): void {
  refuseContradictions(command)
  command.exitOverride().configureOutput({
    outputError: (text, write) =>
      write(
        `dynts: ${errorLine(
          text
            .replace(/^error: /, '')
            .replace(/\n\(Did you mean/, ' (Did you mean')
            .trim()
            .replace(/^(unknown option '-[^']*\s.*')$/s, '$1: in front of a question that begins with - put --'),
        )}\n`,
      ),
  })
  for (const subcommand of command.commands) prepareForErrors(subcommand)
}

/**
 * `dynts run ... | head` is no error, and without a reader of stderr the result can still be written; a full disk is said in one
 * line.
 */
function endWhenOutputFails(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? 0 : report(outputFailure(error, 'Standard output', 'place')))
  })
  process.stderr.on('error', () => undefined)
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCode.badInput
  const known = fileFailure(error)
  if (known) return report(known)
  if (error instanceof InputError || error instanceof EngineError || isSystemError(error)) {
    process.stderr.write(`dynts: ${errorLine(withFlags(error.message))}\n`)
    return error instanceof InputError ? exitCode.badInput : exitCode.failure
  }
  const details = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.stderr.write(`dynts: this is a bug in dynts: ${details}\n`)
  return exitCode.failure
}
