/**
 * Content words by decile of importance as the paper printed them, for comparison. Never part of a series of ours. Its tagger is
 * another one, and its other tokens, numbers and symbols among them, are all function words.
 *
 * Source: arXiv 2601.18383, Figure 9.
 */
export interface PublishedWords {
  readonly model: string
  readonly task: string
  /** Shares from 0 to 1, the most important decile first. Shape [10]. */
  readonly content: readonly number[]
}

const ofTask = (model: string, task: string, percents: readonly number[]): PublishedWords => ({
  ...{ model, task },
  content: percents.map((value) => Math.round(value * 10) / 1000),
})

export const publishedWords: readonly PublishedWords[] = [
  ofTask('R1-Llama', 'AIME24', [45.4, 40.3, 36.9, 34.1, 32.2, 31.1, 30.8, 30.7, 30.8, 31.0]),
  ofTask('R1-Llama', 'AIME25', [44.3, 39.3, 35.5, 32.6, 31.5, 30.0, 30.1, 30.7, 29.6, 29.3]),
  ofTask('R1-Llama', 'AMC23', [45.3, 39.1, 35.4, 32.3, 30.6, 29.6, 29.1, 28.7, 27.4, 25.7]),
  ofTask('R1-Llama', 'GPQA-D', [56.6, 49.6, 45.7, 42.9, 40.8, 39.6, 39.1, 38.4, 37.1, 36.3]),
  ofTask('R1-Llama', 'GK23EN', [46.0, 42.0, 39.3, 36.8, 34.2, 32.7, 31.4, 30.1, 28.1, 26.8]),
  ofTask('R1-Llama', 'MATH500', [45.8, 40.1, 37.0, 34.1, 32.0, 30.8, 30.2, 29.1, 27.2, 25.7]),
  ofTask('R1-Qwen', 'AIME24', [38.2, 39.4, 37.5, 35.6, 33.9, 32.8, 31.0, 29.1, 24.7, 19.0]),
  ofTask('R1-Qwen', 'AIME25', [37.5, 37.5, 35.9, 34.9, 33.5, 32.2, 31.3, 29.7, 26.2, 20.9]),
  ofTask('R1-Qwen', 'AMC23', [39.6, 39.2, 37.5, 35.8, 33.5, 31.9, 30.1, 27.7, 24.6, 21.1]),
  ofTask('R1-Qwen', 'GPQA-D', [47.9, 48.2, 46.9, 46.1, 44.7, 43.6, 42.0, 39.8, 36.4, 30.4]),
  ofTask('R1-Qwen', 'GK23EN', [38.6, 40.0, 39.2, 37.4, 35.6, 33.6, 31.6, 29.1, 26.2, 23.1]),
  ofTask('R1-Qwen', 'MATH500', [39.8, 38.9, 37.8, 36.0, 33.9, 31.9, 29.8, 27.5, 24.5, 20.6]),
]

/** The smallest and the largest published share of content words in each decile. Shape [10]. */
export const publishedContentRange: readonly (readonly [least: number, most: number])[] = Array.from(
  { length: 10 },
  (_, i) => {
    const values = publishedWords.map(({ content }) => content[i] ?? NaN)
    return [Math.min(...values), Math.max(...values)] as const
  },
)
