/**
 * Sets of real numbers as intervals and points, in one way of writing each: joined where they touch, in ascending order.
 */
import type { Answer, Tuple } from './answer.ts'

/** One end of an interval. */
interface End {
  readonly latex: string
  /** In double precision; may be infinite. */
  readonly at: number
  readonly isIncluded: boolean
}

interface Piece {
  readonly from: End
  readonly to: End
}

type NumberOf = (latex: string) => number | undefined

/** Undefined for what is no set of real numbers, or has ends whose order is not known. */
export function realSetOf(answer: Answer, numberOf: NumberOf): readonly Piece[] | undefined {
  const pieces = piecesOf(answer, numberOf)
  return pieces && joined(pieces)
}

function piecesOf(answer: Answer, numberOf: NumberOf): readonly Piece[] | undefined {
  if (answer.kind === 'tuple') return intervalOf(answer, numberOf)
  if (answer.kind === 'order') return answer.interval && intervalOf(answer.interval, numberOf)
  if (answer.kind === 'value' && !answer.unit) {
    const end = endOf(answer.latex, true, numberOf)
    return end && [{ from: end, to: end }]
  }
  if (answer.kind !== 'list') return undefined
  const sets = answer.items.map((item) => realSetOf(item, numberOf)).filter((set) => set !== undefined)
  if (sets.length < answer.items.length || (answer.joined === undefined && !answer.braces)) return undefined
  // A set of sets
  if (answer.braces && !answer.joined && answer.items.some((item) => item.kind === 'list')) return undefined
  // 3 and 4 are two numbers; x > 3 and x < 4 is one condition.
  if (answer.joined === 'all' && answer.items.some(({ kind }) => kind === 'value')) return undefined
  if (new Set(variablesOf(answer.items)).size > 1) return undefined
  return answer.joined === 'all' ? sets.reduce(intersection) : sets.flat()
}

function intervalOf({ open, close, items }: Tuple, numberOf: NumberOf): readonly Piece[] | undefined {
  const [low, high] = items
  if (items.length !== 2 || low?.kind !== 'value' || high?.kind !== 'value') return undefined
  const from = endOf(low.latex, open === '[', numberOf)
  const to = endOf(high.latex, close === ']', numberOf)
  return from && to && from.at < to.at ? [{ from, to }] : undefined
}

function endOf(latex: string, isIncluded: boolean, numberOf: NumberOf): End | undefined {
  const [, sign] = /^([-+]?)\s*\\infty$/.exec(latex.trim()) ?? []
  if (sign !== undefined)
    return { latex: `${sign === '-' ? '-' : ''}\\infty`, at: sign === '-' ? -Infinity : Infinity, isIncluded: false }
  const at = numberOf(latex)
  return at === undefined ? undefined : { latex, at, isIncluded }
}

/** What the conditions are about. */
export function variablesOf(items: readonly Answer[]): readonly string[] {
  return items.flatMap((item) => (item.kind === 'order' && item.variable !== undefined ? [item.variable] : []))
}

/** Of two starts the one that lets less in, and of two ends. */
function intersection(a: readonly Piece[], b: readonly Piece[]): readonly Piece[] {
  const common = a.flatMap((one) =>
    b.map((other) => ({ from: later(one.from, other.from), to: earlier(one.to, other.to) })),
  )
  return common.filter(({ from, to }) => from.at < to.at || (from.at === to.at && from.isIncluded && to.isIncluded))
}

function later(a: End, b: End): End {
  return a.at === b.at ? (a.isIncluded ? b : a) : a.at > b.at ? a : b
}

function earlier(a: End, b: End): End {
  return a.at === b.at ? (a.isIncluded ? b : a) : a.at < b.at ? a : b
}

function joined(pieces: readonly Piece[]): readonly Piece[] {
  const order = (a: Piece, b: Piece) => a.from.at - b.from.at || Number(b.from.isIncluded) - Number(a.from.isIncluded)
  const result: Piece[] = []
  for (const piece of pieces.toSorted(order)) {
    const last = result.at(-1)
    const touches =
      last &&
      (last.to.at > piece.from.at || (last.to.at === piece.from.at && (last.to.isIncluded || piece.from.isIncluded)))
    if (last && touches) {
      const isInside = last.to.at > piece.to.at || (last.to.at === piece.to.at && last.to.isIncluded)
      result[result.length - 1] = isInside ? last : { from: last.from, to: piece.to }
    } else result.push(piece)
  }
  return result
}
