/** Why figures are not drawn, for who reads: one reason for all figures that have the same. */
import { groupBy } from '../group-by.ts'
import type { Figure } from './figure.ts'
import type { ReportSources } from './sources.ts'

/** Figures of which there is no picture, and why: a clause, such as `there is no run of dynts eval`. */
export interface MissingFigures {
  readonly figures: readonly Figure[]
  readonly why: string
}

const none: Readonly<Record<keyof ReportSources, string>> = {
  evaluations: 'there is no run of dynts eval',
  trainings: 'there is no .metrics.json of dynts train or dynts fit',
  importance: 'there is no run of dynts importance',
  words: 'there is no file of dynts analyze words',
  paretos: 'there is no file of dynts analyze pareto',
  kept: 'there is no file of dynts analyze kept',
  live: 'there is no file of dynts analyze live',
  costs: 'there is no file of dynts analyze cost',
}

function whyMissing(figure: Figure, sources: ReportSources): string {
  if (sources[figure.of].length === 0) return none[figure.of]
  return figure.lacks?.(sources) ?? 'what there is of it is not enough'
}

/** In the order of the first figure of each reason. @param missing those that the sources give no picture of */
export function groupMissing(missing: readonly Figure[], sources: ReportSources): MissingFigures[] {
  return [...groupBy(missing, (figure) => whyMissing(figure, sources))].map(([why, figures]) => ({ figures, why }))
}
