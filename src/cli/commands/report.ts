/** `dynts report`: figures of what was run, as one HTML file, or as files of their own. */
import { join } from 'node:path'
import { Command } from 'commander'
import { InputError } from '../../errors.ts'
import { Grader } from '../../evaluation/grading/grader.ts'
import { withFlags } from '../../option-names.ts'
import { writeFileAtomic } from '../../records/atomic-file.ts'
import { makeFolder } from '../../records/make-folder.ts'
import type { Figure } from '../../report/figure.ts'
import { groupMissing, type MissingFigures } from '../../report/missing-figures.ts'
import { figures, findFigure } from '../../report/registry.ts'
import { drawFigure, pictureCsv, reportPage, standaloneSvg, type DrawnFigure } from '../../report/report-page.ts'
import { readSources, type RepeatedRun, type ReportSources, type UnreadRun } from '../../report/sources.ts'
import { counted } from '../output/counted.ts'
import { errorLine, messageLine } from '../message-line.ts'
import { checkWhole, names, number, refuseWithoutEffect } from '../options/option-values.ts'
import { checkReplaceable } from '../output/replaceable.ts'
import { runDemo } from '../report-demo.ts'
import { wrappedTable } from '../output/table.ts'
import { toStderr, writeResult } from '../output/write.ts'

const exitCodeOfInput = 2
/** How wide a list is that no terminal shows. */
const columnsOfFiles = 100

interface ReportFlags {
  readonly output: string
  readonly figure?: string[]
  readonly title: string
  readonly files?: string
  readonly dark?: boolean
  readonly list?: boolean
  readonly demo?: boolean
  readonly work?: string
  readonly limit?: number
  readonly json?: boolean
}

export function reportCommand(): Command {
  return new Command('report')
    .argument(
      '[runs...]',
      'folders of dynts eval, dynts importance and dynts fit, or of several of these; .metrics.json of dynts train, what dynts analyze wrote',
    )
    .option('-o, --output <file>', 'the HTML file', 'report.html')
    .option('--title <text>', 'of the page', 'dynts report')
    .option('--figure <names>', `only these, separated by commas: ${figures.map(({ name }) => name).join(', ')}`, names)
    .option('--files <folder>', 'each picture as SVG, and its data as CSV, too')
    .option('--dark', 'with --files: the pictures light on dark')
    .option('--demo', 'make everything on the embedded model first; it goes on where it was stopped')
    .option('--work <folder>', 'what --demo computes; it goes on there (default: report-demo)')
    .option('--limit <n>', 'with --demo: the most questions of each step, for a quick look', number)
    .option('--list', 'say which figures there are, and what each needs')
    .option('--json', 'print one JSON object: what was drawn, and what is missing')
    .action((runs: string[], flags: ReportFlags) => report(runs, flags))
}

async function report(named: readonly string[], flags: ReportFlags): Promise<void> {
  if (flags.demo !== true) refuseWithoutEffect({ '--work': flags.work, '--limit': flags.limit }, 'without --demo')
  if (flags.files === undefined) refuseWithoutEffect({ '--dark': flags.dark }, 'without --files')
  checkWhole('--limit', flags.limit, 1)
  if (flags.list === true) {
    const { figure, files, demo } = flags
    refuseWithoutEffect({ '--figure': figure, '--files': files, '--demo': demo, RUN: named[0] }, 'with --list')
    list(flags)
    return
  }
  if (flags.demo === true) refuseWithoutEffect({ RUN: named[0] }, 'with --demo')
  else if (named.length === 0)
    throw new InputError('no_run', 'There is nothing to draw: name the folders of what was run.')
  const runs = flags.demo === true ? await runDemo(workFolder(flags), flags.limit) : named
  const wanted = flags.figure?.map(findFigure) ?? figures
  await using grader = new Grader()
  const replaces = checkReplaceable(flags.output, 'page')
  const { sources, unread, repeated } = await readSources(runs, grader)
  const [first] = unread
  if (first && (Object.values(sources) as (readonly unknown[])[]).every(({ length }) => length === 0)) throw first.error
  for (const { error } of unread) toStderr(`left out: ${errorLine(withFlags(error.message))}`)
  for (const { path, is } of repeated) {
    toStderr(messageLine(path === is ? `${path} is named twice, and drawn once` : `${path} is ${is}, and drawn once`))
  }
  const drawn: DrawnFigure[] = []
  const undrawn: Figure[] = []
  for (const figure of wanted) {
    const pictures = figure.pictures(sources)
    if (pictures.length === 0) undrawn.push(figure)
    else {
      toStderr(`drawing ${figure.name}`)
      drawn.push(await drawFigure(figure, pictures))
    }
  }
  const missing = groupMissing(undrawn, sources)
  if (drawn.length === 0) throw nothingToDraw(missing, sources)
  writeFileAtomic(flags.output, reportPage(flags.title, madeOf(sources), drawn, missing), { option: '--output' })
  if (flags.files !== undefined) writeFiles(flags.files, drawn, flags)
  tell({ ...flags, replaces }, drawn, { missing, unread, repeated })
  // The others are drawn, and whoever reads only the exit code learns that not all are.
  if (unread.length > 0) process.exitCode = exitCodeOfInput
}

function list(flags: ReportFlags): void {
  const record = {
    schema: 'dynts.report.figures/1',
    figures: figures.map(({ name, title, paper = null, needs }) => ({ name, title, paper, needs })),
  }
  const rows = figures.map(({ name, title, paper = '', needs }) => [name, title, paper, needs])
  const table = [['figure', 'shows', 'in the paper', 'needs'], ...rows]
  writeResult(flags, record, wrappedTable(table, process.stdout.columns || columnsOfFiles))
}

/** What the runs that are there lack; where there is none that the figures are drawn from, which are wanted. */
function nothingToDraw(missing: readonly MissingFigures[], sources: ReportSources): InputError {
  const given = missing.filter(({ figures: [first] }) => first && sources[first.of].length > 0)
  const reasons = (given.length > 0 ? given : missing).map(({ figures, why }) => `${namesOf(figures)}, as ${why}`)
  return new InputError('no_figure', `Nothing of this can be drawn: ${reasons.join('; ')}.`)
}

function namesOf(some: readonly Figure[]): string {
  return some.map(({ name }) => name).join(', ')
}

/** A quick look does not mix with all of it. */
function workFolder({ work, limit }: ReportFlags): string {
  return work ?? (limit === undefined ? 'report-demo' : `report-demo-${limit}`)
}

/** What stands at the report's head. */
function madeOf({ evaluations, trainings, importance, words, paretos, kept, live, costs }: ReportSources): string[] {
  return [
    ...evaluations.map(
      ({ model, tasks, planned, missing, versions }) =>
        `evaluation of ${model.name} on ${tasks.map(({ task }) => task).join(', ')}: ${planned - missing} of ${planned} samples and replays` +
        (versions['dynts'] ? `, dynts ${versions['dynts'].join(', ')}` : ''),
    ),
    ...importance.map(
      ({ model, profiles, trace }) =>
        `importance of ${counted(profiles.length || (trace ? 1 : 0), 'trace')} of ${model}`,
    ),
    ...words.map(({ model, summary }) => `words of ${counted(summary.traces, 'trace')} of ${model.name}`),
    ...paretos.map(
      ({ model, task, traces }) =>
        `answers of ${model.name} from parts of the thinking of ${counted(traces, 'trace')}${task === undefined ? '' : ` of ${task}`}`,
    ),
    ...kept.map(
      ({ model, policies }) =>
        `cells of one trace of ${model.name} under ${policies.length} ${policies.length === 1 ? 'policy' : 'policies'}`,
    ),
    ...live.map(
      ({ model, settings, runs }) =>
        `${counted(runs.length, 'run')} of ${counted(settings.sequences, 'sequence')} of ${model.name} in step`,
    ),
    ...costs.map(({ shape }) => `costs of ${shape.name} by the formulas`),
    ...trainings.map(
      ({ model, history }) =>
        `training of a predictor for ${model.name}, ${counted(history.at(-1)?.epoch ?? 0, 'epoch')}`,
    ),
  ]
}

function writeFiles(folder: string, drawn: readonly DrawnFigure[], { dark = false }: ReportFlags): void {
  makeFolder(folder, '--files')
  for (const picture of drawn.flatMap(({ pictures }) => pictures)) {
    writeFileAtomic(join(folder, `${picture.id}.svg`), standaloneSvg(picture, { dark }), { option: '--files' })
    writeFileAtomic(join(folder, `${picture.id}.csv`), pictureCsv(picture), { option: '--files' })
  }
}

interface NotDrawn {
  readonly missing: readonly MissingFigures[]
  readonly unread: readonly UnreadRun[]
  readonly repeated: readonly RepeatedRun[]
}

function tell(
  flags: ReportFlags & { readonly replaces: boolean },
  drawn: readonly DrawnFigure[],
  { missing, unread, repeated }: NotDrawn,
): void {
  const { json, output, files, replaces } = flags
  const pictures = drawn.flatMap((one) => one.pictures)
  const facts = pictures.map(({ id, title, settings, rows }) => ({ id, title, settings, rows }))
  const record = {
    schema: 'dynts.report/1',
    output,
    pictures: facts,
    missing: missing.flatMap((one) => one.figures.map(({ name, needs }) => ({ name, needs, why: one.why }))),
    unread: unread.map(({ path, error }) => ({ path, reason: errorLine(withFlags(error.message)) })),
    repeated,
  }
  if (json !== true && missing.length > 0) {
    for (const one of missing) toStderr(`not drawn, as ${one.why}: ${namesOf(one.figures)}`)
    toStderr(`what each of these needs is said at the end of ${output}, and by dynts report --list`)
  }
  const beside = files === undefined ? '' : `, and files in ${files}`
  const text = `${counted(pictures.length, 'picture')} in ${output}${replaces ? ' (replaced)' : ''}${beside}`
  writeResult(flags, record, text)
}
