/**
 * The shapes that the random model can have, and how much is measured on each.
 */
export interface Shape {
  readonly name: string
  readonly layers: number
  readonly hiddenSize: number
  readonly heads: number
  readonly kvHeads: number
  readonly headSize: number
  readonly feedForward: number
  readonly vocabularySize: number
  readonly trainedContext: number
  /** Scenarios divide their numbers of steps, cells and positions by this. */
  readonly shortening: number
  /** How often each variant is measured; undefined: the scenario's own number. */
  readonly repetitions?: number
}

export const shapes: readonly Shape[] = [
  {
    name: '1.5b',
    layers: 28,
    hiddenSize: 1536,
    heads: 12,
    kvHeads: 2,
    headSize: 128,
    feedForward: 8960,
    vocabularySize: 151_936,
    trainedContext: 131_072,
    shortening: 1,
  },
  {
    name: '7b',
    layers: 28,
    hiddenSize: 3584,
    heads: 28,
    kvHeads: 4,
    headSize: 128,
    feedForward: 18_944,
    vocabularySize: 152_064,
    trainedContext: 131_072,
    shortening: 1,
  },
  // To see that everything runs: the same code in less time.
  {
    name: 'small',
    layers: 4,
    hiddenSize: 256,
    heads: 2,
    kvHeads: 1,
    headSize: 128,
    feedForward: 1024,
    vocabularySize: 4096,
    trainedContext: 131_072,
    shortening: 6,
    repetitions: 1,
  },
]

/** @throws Error for a name that none has */
export function shapeNamed(name: string): Shape {
  const shape = shapes.find((candidate) => candidate.name === name)
  if (!shape) throw new Error(`there is no shape ${name}`)
  return shape
}
