/**
 * Knights, who always tell the truth, and knaves, who always lie: each says one thing about some of them, and only one assignment
 * fits all that is said.
 */
import { personNames } from '../chain-grammar.ts'
import { Dice } from '../dice.ts'
import { listOf, type Puzzle } from './puzzle.ts'

/** What can be said of two people by their names, and of which of them being knights it is true. */
interface PairClaim {
  readonly says: (a: string, b: string) => string
  readonly holds: (a: boolean, b: boolean) => boolean
}

const pairClaims = {
  same: { says: (a, b) => `${a} and ${b} are of the same kind.`, holds: (a, b) => a === b },
  differ: { says: (a, b) => `${a} and ${b} are of different kinds.`, holds: (a, b) => a !== b },
  'one-knight': { says: (a, b) => `At least one of ${a} and ${b} is a knight.`, holds: (a, b) => a || b },
  'one-knave': { says: (a, b) => `At least one of ${a} and ${b} is a knave.`, holds: (a, b) => !a || !b },
  if: { says: (a, b) => `If ${a} is a knight, then ${b} is a knight.`, holds: (a, b) => !a || b },
} satisfies Readonly<Record<string, PairClaim>>

/** Indices of people. `few`: exactly so many are knights. */
type Claim =
  | { readonly kind: 'is'; readonly who: number; readonly knight: boolean }
  | { readonly kind: keyof typeof pairClaims; readonly of: readonly [number, number] }
  | { readonly kind: 'few'; readonly count: number }

const peopleRange = [4, 7] as const

/** The same seed gives the same puzzle, on every machine. */
export function knightsPuzzle(seed: number): Puzzle {
  const dice = new Dice(seed)
  const count = dice.between(peopleRange)
  const names = dice.pickSeveral(personNames, count)
  for (;;) {
    const claims = Array.from({ length: count }, (_, speaker) => drawClaim(dice, count, speaker))
    const [only, ...others] = assignmentsThatFit(claims)
    // With nobody to name the answer would be empty.
    if (only?.includes(true) !== true || others.length > 0) continue
    return { question: render(names, claims), answer: names.filter((_, i) => only[i]) }
  }
}

/** All assignments, true for a knight, in which exactly what knights say is true. */
function assignmentsThatFit(claims: readonly Claim[]): boolean[][] {
  const all = Array.from({ length: 2 ** claims.length }, (_, bits) => claims.map((_, i) => ((bits >> i) & 1) === 1))
  return all.filter((knights) => claims.every((claim, speaker) => holds(claim, knights) === knights[speaker]))
}

function holds(claim: Claim, knights: readonly boolean[]): boolean {
  if (claim.kind === 'is') return knights[claim.who] === claim.knight
  if (claim.kind === 'few') return knights.filter(Boolean).length === claim.count
  const [first, second] = claim.of
  return pairClaims[claim.kind].holds(knights[first] === true, knights[second] === true)
}

const pairKinds = ['same', 'differ', 'one-knight', 'one-knave', 'if'] as const

/** Of others only: of oneself one cannot say that one lies. */
function drawClaim(dice: Dice, count: number, speaker: number): Claim {
  const kind = dice.pick(['is', 'is', 'few', ...pairKinds] as const)
  if (kind === 'few') return { kind, count: dice.between([1, count - 1]) }
  const others = Array.from({ length: count }, (_, i) => i).filter((i) => i !== speaker)
  if (kind === 'is') return { kind, who: dice.pick(others), knight: dice.between([0, 1]) === 1 }
  return { kind, of: dice.pickTwo(others) }
}

function render(names: readonly string[], claims: readonly Claim[]): string {
  const name = (who: number) => names[who] ?? ''
  const said = claims.map((claim, speaker) => `${name(speaker)} says: "${sentence(claim, name)}"`)
  return [
    `On an island everybody is either a knight, who always tells the truth, or a knave, who always lies. You meet ${listOf(names)}.`,
    ...said,
    'Who are the knights?',
  ].join('\n')
}

function sentence(claim: Claim, name: (who: number) => string): string {
  if (claim.kind === 'is') return `${name(claim.who)} is a ${claim.knight ? 'knight' : 'knave'}.`
  if (claim.kind === 'few') return `Exactly ${claim.count} of us ${claim.count === 1 ? 'is a knight' : 'are knights'}.`
  const [first, second] = claim.of
  return pairClaims[claim.kind].says(name(first), name(second))
}
