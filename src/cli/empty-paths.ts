/** Refuses empty paths, which would name the current folder or nothing: `--output "$UNSET"`. */
import type { Command } from 'commander'
import { InputError } from '../errors.ts'

/** What options and arguments that take a path call it, e.g. `--output <file>`. */
const isPath = (name: string): boolean => /^(file|folder|path|run)s?$/.test(name)

/** @param command whose options and arguments are parsed @throws InputError `invalid_option` */
export function refuseEmptyPaths(command: Command): void {
  const values = command.opts<Record<string, unknown>>()
  for (const option of command.options) {
    const [, name = ''] = /[<[](\w+)[.\]>]/.exec(option.flags) ?? []
    if (isPath(name)) refuseEmpty(`${option.long ?? option.flags} is`, values[option.attributeName()], name)
  }
  command.registeredArguments.forEach((argument, i) => {
    if (isPath(argument.name())) refuseEmpty('An argument is', command.processedArgs[i], argument.name())
  })
}

function refuseEmpty(what: string, value: unknown, name: string): void {
  const values: unknown[] = Array.isArray(value) ? value : [value]
  if (values.includes(''))
    throw new InputError('invalid_option', `${what} empty: give the name of a ${name.replace(/s$/, '')}.`)
}
