/** How deep the rules of a grammar lead into each other before a character is read: llama.cpp follows them by recursion. */

interface Part {
  /** Of a rule; undefined: characters. */
  readonly rule: string | undefined
  readonly mayBeMissing: boolean
}

/** The longest chain of rules, each of which may begin the one before. @param rules bodies by name */
export function longestChain(rules: ReadonlyMap<string, string>): number {
  const parts = new Map([...rules].map(([name, body]) => [name, alternativesOf(body)] as const))
  const empty = new Map<string, boolean>()
  const mayBeEmpty = (name: string): boolean => {
    const known = empty.get(name)
    if (known !== undefined) return known
    empty.set(name, false)
    const isEmpty = (parts.get(name) ?? []).some((all) => all.every(isSkipped))
    empty.set(name, isEmpty)
    return isEmpty
  }
  const isSkipped = ({ rule, mayBeMissing }: Part) => mayBeMissing || (rule !== undefined && mayBeEmpty(rule))
  const chains = new Map<string, number>()
  const chainOf = (name: string): number => {
    const known = chains.get(name)
    if (known !== undefined) return known
    chains.set(name, 0)
    const longest = Math.max(0, ...(parts.get(name) ?? []).map(chainOfAlternative))
    chains.set(name, 1 + longest)
    return 1 + longest
  }
  const chainOfAlternative = (all: readonly Part[]): number => {
    const last = all.findIndex((part) => !isSkipped(part))
    const reached = last < 0 ? all : all.slice(0, last + 1)
    return Math.max(0, ...reached.map(({ rule }, skipped) => skipped + (rule === undefined ? 0 : chainOf(rule))))
  }
  return Math.max(0, ...[...rules.keys()].map(chainOf))
}

const characters = /"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]/g

function alternativesOf(body: string): Part[][] {
  const alternatives = body.replace(characters, '""').split('|')
  return alternatives.map((text) => [...text.matchAll(/(""|[\w-]+)([?*+]|\{[^}]*\})?/g)].map(partOf))
}

function partOf([, name = '', repetition = '']: RegExpExecArray): Part {
  return { rule: name === '""' ? undefined : name, mayBeMissing: /^(?:[?*]|\{0)/.test(repetition) }
}
