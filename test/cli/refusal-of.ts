/**
 * What a command refuses, asked in this process, because one of its own takes half a second. That bad input ends dynts with
 * exit code 2 and one line on stderr is shown once for each command, by running it.
 */
import type { Command } from 'commander'
import { expect } from 'vitest'
import { InputError } from '../../src/errors.ts'
import { withFlags } from '../../src/option-names.ts'

/** @param args what would follow the command's name */
export async function refusalOf(command: Command, args: readonly string[]): Promise<string> {
  const error = await command.parseAsync(args, { from: 'user' }).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(InputError)
  return withFlags((error as InputError).message)
}
