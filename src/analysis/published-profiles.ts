/**
 * What the paper printed of the importance in single traces, for comparison. Never part of a series of ours. Its means are of sums over
 * the answer's tokens, which grow with the answer: only shares compare.
 *
 * Source: arXiv 2601.18383, Figures 2 and 10 (R1-Llama) and 11 (R1-Qwen): one trace of each task.
 */
export interface PublishedProfile {
  readonly figure: number
  readonly model: string
  /** Null: not named. */
  readonly task: string | null
  readonly mean: number
  readonly aboveMean: number
}

const tasks = ['AIME24', 'AIME25', 'AMC23', 'GPQA-D', 'GK23EN', 'MATH500']

function profiles(figure: number, model: string, figures: readonly (readonly [number, number])[]): PublishedProfile[] {
  return figures.map(([mean, aboveMean], i) => ({ figure, model, task: tasks[i] ?? null, mean, aboveMean }))
}

export const publishedProfiles: readonly PublishedProfile[] = [
  { figure: 2, model: 'R1-Llama', task: null, mean: 0.126, aboveMean: 0.211 },
  ...profiles(10, 'R1-Llama', [
    [0.228, 0.239],
    [0.138, 0.224],
    [0.208, 0.281],
    [0.17, 0.237],
    [0.325, 0.257],
    [0.252, 0.223],
  ]),
  ...profiles(11, 'R1-Qwen', [
    [0.416, 0.201],
    [0.346, 0.205],
    [0.475, 0.232],
    [0.347, 0.226],
    [0.604, 0.198],
    [1.086, 0.125],
  ]),
]
