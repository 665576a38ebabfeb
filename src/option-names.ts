/**
 * What options are called. Messages name them in backticks as the library spells them, with or without a value: `localWindow`,
 * `gpu: off`, `resume: false`. The command line and the server's answers show them as their users write them.
 */

const mention = /`([a-z]\w*)(?:: ([^`]+))?`/g
/** Those that the command line calls otherwise. */
const otherFlags: Readonly<Record<string, string>> = {
  apiKey: 'api-key-env',
  templateVariables: 'template-var',
}

/** `localWindow`: `--local-window`. */
export function flagOf(name: string): string {
  return `--${otherFlags[name] ?? joined(name, '-')}`
}

/** `localWindow`: `local_window`. */
export function fieldOf(name: string): string {
  return joined(name, '_')
}

/** A message for the command line: `--local-window`, `--gpu off`, `--no-resume`. */
export function withFlags(message: string): string {
  return message.replace(mention, (_, name: string, value?: string) => {
    if (value === undefined || value === 'true') return flagOf(name)
    return value === 'false' ? flagOf(`no-${name}`) : `${flagOf(name)} ${value}`
  })
}

/**
 * A message for whoever sent a request: as it is written there, or with the flag of what only who starts the server can give.
 * @param spell a name as a request has it; undefined: no request has it
 */
export function withFields(message: string, spell: (name: string) => string | undefined): string {
  return message.replace(mention, (whole, name: string, value?: string) => {
    const field = spell(name)
    if (field === undefined) return withFlags(whole)
    return value === undefined ? field : `${field} ${value}`
  })
}

function joined(name: string, mark: string): string {
  return name.replace(/[A-Z]/g, (letter) => mark + letter.toLowerCase())
}
