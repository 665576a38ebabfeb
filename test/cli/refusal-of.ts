/**
 * What a command refuses, asked in this process, because one of its own takes half a second. That bad input ends dynts with
 * exit code 2 and one line on stderr is shown once for each command, by running it.
 */
import type { Command } from 'commander'
import { expect, vi } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { InputError } from '../../src/errors.ts'
import { withFlags } from '../../src/option-names.ts'
import { refusal } from './run-dynts.ts'

// Each call of main listens anew.
process.stdout.setMaxListeners(0)
process.stderr.setMaxListeners(0)

/** The same as `refusal` of a process, for what is refused before anything is loaded. Not for two at the same time. */
export async function refusalHere(args: readonly string[]): Promise<string> {
  const written = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      written[name] += String(text)
      return true
    }),
  )
  try {
    const code = await main(['node', 'dynts', ...args])
    return refusal({ code, signal: null, ...written })
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

/** @param args what would follow the command's name */
export async function refusalOf(command: Command, args: readonly string[]): Promise<string> {
  const error = await command.parseAsync(args, { from: 'user' }).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(InputError)
  return withFlags((error as InputError).message)
}
