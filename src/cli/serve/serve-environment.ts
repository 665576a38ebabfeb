/**
 * The options of `dynts serve` as environment variables: each by the name of its own flag, `DYNTS_PARALLEL=8` for `--parallel 8` and
 * `DYNTS_NO_AUTH=1` for `--no-auth`. A flag wins.
 */
import type { Command, Option } from 'commander'
import { InputError } from '../../errors.ts'

const prefix = 'DYNTS_'

type Environment = Readonly<Record<string, string | undefined>>

export function variableOf(option: Option): string {
  return `${prefix}${option.name().replaceAll('-', '_').toUpperCase()}`
}

/** Whether an option takes no value. */
export function isSwitch({ required, optional }: Option): boolean {
  return !required && !optional
}

const truths: ReadonlyMap<string, boolean> = new Map([
  ...['1', 'true', 'yes', 'on'].map((yes) => [yes, true] as const),
  ...['0', 'false', 'no', 'off'].map((no) => [no, false] as const),
])

/**
 * Sets the options without a value: commander, which reads the others, takes their variables as given whatever they say.
 * @throws InputError `invalid_option` for a variable that says neither yes nor no
 */
export function readSwitches(command: Command, environment: Environment): void {
  for (const option of command.options.filter(isSwitch)) {
    const name = variableOf(option)
    const text = environment[name]
    if (text === undefined) continue
    const isOn = truths.get(text.trim().toLowerCase())
    if (isOn === undefined) {
      throw new InputError('invalid_option', `${name}=${text}: it must be 1, true, yes or on, or 0, false, no or off`)
    }
    const key = option.attributeName()
    if (isOn && command.getOptionValueSource(key) !== 'cli')
      command.setOptionValueWithSource(key, !option.negate, 'env')
  }
}

/** Variables that look like an option's, and are none: perhaps mistyped. */
export function strayVariables(command: Command, environment: Environment): string[] {
  const known = new Set(command.options.map(variableOf))
  return Object.keys(environment).filter((name) => /^DYNTS_\w+$/.test(name) && !known.has(name))
}
