/**
 * What the engine lends to a user's policy: copies, so that whatever the policy keeps or writes to is its own, and keys and values
 * that can be read during the call only.
 */
import type { CachedKeys, CachedVectors, DecodeStep, HeldCells, ImportanceScorer } from './policy.ts'

export function lentStep({ hiddenState, attention, ...step }: DecodeStep): DecodeStep {
  return {
    ...step,
    ...(hiddenState && { hiddenState: hiddenState.slice() }),
    ...(attention && {
      attention: { positions: attention.positions.slice(), weights: attention.weights.slice() },
    }),
  }
}

/** Runs `act` with copies of the cells; their keys and values cannot be read afterwards. */
export function withLentCells<T>({ held, leaving, keys, values }: HeldCells, act: (cells: HeldCells) => T): T {
  let isOver = false
  try {
    return act({
      held: held.slice(),
      leaving,
      ...(keys && { keys: lentKeys(keys, () => isOver) }),
      ...(values && {
        values: lentVectors(
          values,
          checkFor('values', () => isOver),
        ),
      }),
    })
  } finally {
    isOver = true
  }
}

function checkFor(what: string, isOver: () => boolean): () => void {
  return () => {
    if (isOver()) throw new Error(`${what} can be read during the call of score only`)
  }
}

function lentVectors({ positions, headSize, layers, channels }: CachedVectors, check: () => void): CachedVectors {
  function* lent(read: CachedVectors['layers'], rows?: Int32Array) {
    check()
    for (const layer of read(rows && new Int32Array(rows))) {
      yield layer.slice()
      check()
    }
  }
  return {
    positions: positions.slice(),
    headSize,
    layers: (rows) => lent(layers, rows),
    channels: (rows) => lent(channels, rows),
  }
}

function lentKeys({ products, directions, ...keys }: CachedKeys, isOver: () => boolean): CachedKeys {
  const check = checkFor('keys', isOver)
  return {
    ...lentVectors(keys, check),
    products(a, b, shape) {
      check()
      return products(new Float32Array(a), new Float32Array(b), shape).slice()
    },
    directions(b, shape) {
      check()
      return directions(new Float32Array(b), shape)
    },
  }
}

/** Checks what is pushed: all hidden states are as long as the first. */
export function lentImportance(source: ImportanceScorer): ImportanceScorer {
  let size: number | undefined
  return {
    push(position, hiddenState) {
      if (!Number.isSafeInteger(position) || position < 0 || position > 0x7fff_ffff)
        throw new RangeError(`${String(position)} is not a position`)
      const copy = new Float32Array(hiddenState)
      size ??= copy.length
      if (copy.length !== size) throw new RangeError(`a hidden state has ${size} values, not ${copy.length}`)
      source.push(position, copy)
    },
    scores: (positions) => source.scores(new Int32Array(positions)).slice(),
  }
}
