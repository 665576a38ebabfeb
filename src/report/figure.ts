/** What a figure of a report is. Each is one short file in `figures/`; the list is in `registry.ts`. */
import type { TopLevelSpec } from 'vega-lite'
import type { ReportSources } from './sources.ts'

/** One row of a figure's data, as it stands in its table and CSV. */
export type Row = Readonly<Record<string, string | number | null>>

/** One picture; a figure may have several, as one for each task. */
export interface Picture<R extends Row = Row> {
  readonly title: string
  /** What the run that it is of is called, which tells pictures of the same title apart; undefined: it is of several. */
  readonly from?: string | undefined
  /** One sentence for who does not see it. */
  readonly description: string
  /** What it was made with: model, n, settings. */
  readonly settings: string
  readonly rows: readonly R[]
  readonly spec: TopLevelSpec
}

export interface Figure {
  /** For the command line and file names. */
  readonly name: string
  readonly title: string
  /** What it corresponds to in the paper; none: the paper has nothing of the kind. */
  readonly paper?: string
  /** How to read it. */
  readonly caption: string
  /** The kind of run that it is drawn from. */
  readonly of: keyof ReportSources
  /** What has to be run to have it. */
  readonly needs: string
  /** What runs of its kind lack that give no picture, a clause; undefined: what it needs. */
  readonly lacks?: (sources: ReportSources) => string | undefined
  /** None: the sources lack what it needs. */
  readonly pictures: (sources: ReportSources) => readonly Picture[]
}
