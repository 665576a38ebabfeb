/** The tables of `dynts analyze cost`, for people. Computes nothing but what is printed beside published numbers. */
import type { CostShape } from '../../analysis/cost-shape.ts'
import type { CostPoint, CostSettings, CostTable } from '../../analysis/cost-table.ts'
import { flopsPerCellOfRatio, type PublishedCosts } from '../../analysis/published-costs.ts'
import { formatBytes } from '../../models/memory-plan.ts'
import { percent } from '../../percent.ts'
import { count, counted } from '../output/counted.ts'
import { factsTable } from '../output/facts-table.ts'
import { printable } from '../output/printable.ts'
import { formatTable } from '../output/table.ts'

export interface CostTextOptions {
  readonly shape: CostShape
  readonly settings: CostSettings
  readonly notes: readonly string[]
  /** Undefined: these are not the settings of a figure. */
  readonly published: PublishedCosts | undefined
}

export function costText(table: CostTable, options: CostTextOptions): string {
  const { published, notes, settings } = options
  const sections = [
    factsTable(facts(table, options)),
    ...notes.map((note) => `Note: ${note}.`),
    `K above which a step saves something, after n evictions (here K = ${count(table.plan.leaving)}):\n${breakEvenTable(table)}`,
    `Cells and operations of a step, of one sequence:\n${flopsTable(table, options)}`,
    ...(published ? [publishedNote(table, options.shape, published)] : []),
    `Bytes that a step reads, of ${counted(settings.sequences, 'sequence')}; scoring deferred, and at once:\n${bytesTable(table.points)}`,
    `K for a prompt of M tokens:\n${promptTable(table)}`,
    generationText(table),
  ]
  return sections.join('\n\n')
}

function facts(table: CostTable, { shape, settings }: CostTextOptions) {
  const { plan, blockLength } = table
  const { budget, localWindow, ratio, promptCells, textLength } = settings
  return {
    model: printable(shape.name),
    shape: `hidden size ${count(shape.hiddenSize)}, ${counted(shape.layers, 'layer')}`,
    cache: `budget ${count(budget)}, local window ${count(localWindow)}, ratio ${ratio}, prompt ${count(promptCells)}, text ${count(textLength)}`,
    eviction: `K = ${count(plan.leaving)} of a selection window of ${count(plan.selectionWindow)}`,
    predictor: `${flopsText(table.predictorFlops)}FLOPs a token, ${formatBytes(table.predictorBytes)} (float32), up to ${count(blockLength)} tokens in a block`,
    attention: `${count(shape.flopsPerCell + (shape.window?.flopsPerCell ?? 0))} FLOPs a cell by the model's heads, ${count(table.paperFlopsPerCell)} by the paper's 4Ld`,
    cell: formatBytes(shape.bytesPerCell + (shape.window?.bytesPerCell ?? 0)),
    weights: `${formatBytes(shape.weightBytes)} read a step, ${flopsText(2 * shape.matrixElements)}FLOPs a token`,
  }
}

function breakEvenTable({ breakEven }: CostTable): string {
  return formatTable([
    ['n', 'FLOPs, 4Ld', 'FLOPs, heads', 'bytes, deferred', 'bytes, at once'],
    ...breakEven.map(({ evictions, paper, counted, bytesDeferred, bytesAtOnce }) => [
      String(evictions),
      ...[paper, counted, bytesDeferred, bytesAtOnce].map((cells) => cells.toFixed(1)),
    ]),
  ])
}

function flopsTable({ points, paperFlopsPerCell }: CostTable, { shape, published }: CostTextOptions): string {
  const differs = paperFlopsPerCell !== shape.flopsPerCell || shape.window !== undefined
  const head = ['tokens', 'n', 'cells full', 'bounded', 'ratio', ...(published ? ['published'] : [])]
  head.push('gain, 4Ld', ...(differs ? ['by heads'] : []), 'FLOPs full', 'bounded', 'ratio')
  if (published) head.push('published')
  return formatTable([
    head,
    ...points.map(({ tokens, evictions, evicts, cells, gain, flops }) => [
      count(tokens),
      String(evictions),
      count(cells.full),
      count(cells.bounded),
      cells.ratio.toFixed(2),
      ...(published ? [label(published.cellRatios, evictions, evicts)] : []),
      flopsText(gain.paper),
      ...(differs ? [flopsText(gain.counted)] : []),
      flopsText(flops.full),
      flopsText(flops.bounded),
      flops.ratio.toFixed(flops.ratio > 1 ? 3 : 2),
      ...(published ? [flopsLabel(published, evictions, evicts)] : []),
    ]),
  ])
}

/** The printed ratios are those right after an eviction. */
function label(ratios: readonly number[], evictions: number, evicts: boolean): string {
  return (evicts ? ratios[evictions - 1]?.toFixed(2) : undefined) ?? '-'
}

function flopsLabel({ flopsBefore, flopsRatios }: PublishedCosts, evictions: number, evicts: boolean): string {
  return evictions === 0 ? flopsBefore.toFixed(3) : label(flopsRatios, evictions, evicts)
}

/** Says what the printed ratios of operations would need, because they do not follow from the formula. */
function publishedNote(table: CostTable, shape: CostShape, published: PublishedCosts): string {
  const parts = { matrixFlops: 2 * shape.matrixElements, predictorFlops: table.predictorFlops }
  const needed = published.flopsRatios.flatMap((ratio, j) => {
    const point = table.points.find(({ evictions, evicts }) => evicts && evictions === j + 1)
    return point ? [flopsPerCellOfRatio(ratio, point.cells, parts) / table.paperFlopsPerCell] : []
  })
  const range =
    needed.length === 0 ? '' : `, but from ${times(Math.min(...needed))} to ${times(Math.max(...needed))} of it`
  return [
    `"published" is what Figure ${published.figure} prints (one run of ${published.sequences} sequences; the length of the prompt is neglected).`,
    `The ratios of cells follow from the formulas. Those of operations do not: they would need not 4Ld operations for a cell${range}.`,
  ].join('\n')
}

function bytesTable(points: readonly CostPoint[]): string {
  const timed = points.some(({ ms }) => ms !== null)
  return formatTable([
    [
      ...['tokens', 'n', 'full', 'deferred', 'ratio', 'at once', 'ratio'],
      ...(timed ? ['ms full', 'deferred', 'at once'] : []),
    ],
    ...points.map(({ tokens, evictions, bytes, bytesAtOnce, ms, msAtOnce }) => [
      ...[count(tokens), String(evictions), formatBytes(bytes.full)],
      ...[formatBytes(bytes.bounded), bytes.ratio.toFixed(2)],
      ...[formatBytes(bytesAtOnce.bounded), bytesAtOnce.ratio.toFixed(2)],
      ...(ms && msAtOnce ? [ms.full, ms.bounded, msAtOnce.bounded].map((value) => value.toPrecision(3)) : []),
    ]),
  ])
}

function promptTable({ byPrompt }: CostTable): string {
  return formatTable([
    ['M', 'selection window', 'K', 'saves FLOPs from eviction'],
    ...byPrompt.map(({ promptCells, selectionWindow, leaving, firstGain }) =>
      [promptCells, selectionWindow, leaving, firstGain].map(count),
    ),
  ])
}

function generationText({ generation }: CostTable): string {
  const { steps, flops, flopsDeferred, bytes, bytesAtOnce, seconds, scoredTokens } = generation
  const rows = [
    ['', 'full', 'deferred', '', 'at once', ''],
    [
      ...['FLOPs', flopsText(flops.full), flopsText(flopsDeferred.bounded), percent(flopsDeferred.ratio)],
      ...[flopsText(flops.bounded), percent(flops.ratio)],
    ],
    [
      ...['bytes read', formatBytes(bytes.full), formatBytes(bytes.bounded), percent(bytes.ratio)],
      ...[formatBytes(bytesAtOnce.bounded), percent(bytesAtOnce.ratio)],
    ],
    ...(seconds
      ? [['seconds', seconds.full.toPrecision(3), seconds.bounded.toPrecision(3), percent(seconds.ratio)]]
      : []),
  ]
  return `All ${counted(steps, 'step')}; deferred, ${counted(scoredTokens, 'token')} are scored:\n${formatTable(rows)}`
}

function times(factor: number): string {
  return `${factor.toFixed(1)} times`
}

/** Operations for people: `100.7 M`, `15.01 G`. */
function flopsText(flops: number): string {
  const units = ['', 'K', 'M', 'G', 'T', 'P', 'E']
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, Math.abs(flops))) / 3))
  return `${(flops / 1000 ** power).toFixed(power === 0 ? 0 : power < 3 ? 1 : 2)} ${units[power] ?? ''}`.trimEnd()
}
