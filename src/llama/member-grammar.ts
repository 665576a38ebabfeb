/**
 * Members in their order, of which some may be missing. The rules refer to each other as the nodes of a balanced tree do: llama.cpp
 * follows rules by recursion, and a schema may have hundreds of properties.
 */
import type { GrammarRules } from './grammar-rules.ts'

export interface Member {
  /** The rule of it as the first that is there. */
  readonly first: string
  /** The rule of it behind others: with what separates them. */
  readonly next: string
  readonly isRequired: boolean
}

/** All of them, as one: its rules are those of what is there of them, at least one. Undefined if there are none. */
function allMembers(rules: GrammarRules, members: readonly Member[]): Member | undefined {
  if (members.length <= 1) return members[0]
  const middle = members.length >> 1
  const [left, right] = [allMembers(rules, members.slice(0, middle)), allMembers(rules, members.slice(middle))]
  if (!left || !right) throw new Error('a half has members')
  const behind = right.isRequired ? right.next : `${right.next}?`
  const joined = (first: string, alone: string) =>
    rules.add(`${first} ${behind}${left.isRequired ? '' : ` | ${alone}`}`)
  const next = joined(left.next, right.next)
  const isSame = left.first === left.next && right.first === right.next
  return {
    first: isSame ? next : joined(left.first, right.first),
    next,
    isRequired: left.isRequired || right.isRequired,
  }
}

/** What stands where members may be: nothing, if none must be there. */
export function membersBody(rules: GrammarRules, members: readonly Member[]): string {
  const all = allMembers(rules, members)
  if (!all) return ''
  return all.isRequired ? all.first : `${all.first}?`
}
