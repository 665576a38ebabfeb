/** What registries are asked for: policies, tasks, presets, figures. */
import { didYouMean } from './did-you-mean.ts'
import { InputError } from './errors.ts'

/**
 * @param kind what it is, e.g. `task`; `kinds`: how the list of all begins
 * @throws InputError `unknown_<kind>`, naming all and the one that was probably meant
 */
export function findNamed<T extends { readonly name: string }>(
  all: readonly T[],
  name: string,
  kind: string,
  kinds: string,
): T {
  const found = all.find((candidate) => candidate.name === name)
  if (found) return found
  const names = all.map((candidate) => candidate.name)
  const hint = didYouMean(name, names)
  throw new InputError(`unknown_${kind}`, `There is no ${kind} "${name}".${hint} ${kinds}: ${names.join(', ')}.`)
}
