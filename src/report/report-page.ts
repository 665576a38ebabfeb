/** A report as one HTML file that needs nothing else: pictures inside, their data beside them, light and dark, on paper as well. */
import Papa from 'papaparse'
import type { Figure, Picture, Row } from './figure.ts'
import type { MissingFigures } from './missing-figures.ts'
import { pageScript, pageStyle } from './page-assets.ts'
import { vegaSvg } from './vega-svg.ts'

/** A figure and the pictures that its sources give. */
export interface DrawnFigure {
  readonly figure: Figure
  readonly pictures: readonly DrawnPicture[]
}

export interface DrawnPicture extends Picture {
  /** For links and file names: `accuracy-chain`, or where several runs have one `accuracy-chain-table1`. */
  readonly id: string
  /** With the page's colour of text as `currentColor`. */
  readonly svg: string
}

/** @param pictures what the figure's sources give; of those with the same title each says in it what run it is of */
export async function drawFigure(figure: Figure, pictures: readonly Picture[]): Promise<DrawnFigure> {
  const ids = new Set<string>()
  const drawn: DrawnPicture[] = []
  for (const picture of pictures) {
    const { title: own, from, spec } = picture
    const isAlone = pictures.filter(({ title }) => title === own).length === 1
    const title = isAlone || from === undefined ? own : `${own}, ${from}`
    const id = unused(ids, pictureName(figure, title))
    ids.add(id)
    drawn.push({ ...picture, title, id, svg: ownIds(plain(await vegaSvg(spec)), id) })
  }
  return { figure, pictures: drawn }
}

/** In bytes: what the name of a file may have, and what is added to it while the file is written. */
const longestName = 150

function pictureName({ name }: Figure, title: string): string {
  const words = title.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-')
  const bytes = Buffer.from(`${name}-${words}`).subarray(0, longestName)
  // The last character may have been cut in two.
  return bytes.toString().replace(/[-\uFFFD]+$/, '')
}

function unused(names: ReadonlySet<string>, name: string): string {
  for (let i = 1; ; i++) {
    const numbered = i === 1 ? name : `${name}-${i}`
    if (!names.has(numbered)) return numbered
  }
}

/** A picture is one thing to who does not see it, told by its description: its marks have no roles of their own. */
function plain(svg: string): string {
  return svg.replaceAll(/ (?:role|aria-[a-z]+)="[^"]*"/g, '')
}

/** Clips and gradients are found by ids, which must not meet those of another picture of the page. */
function ownIds(svg: string, prefix: string): string {
  return svg.replaceAll(/\bid="([^"]+)"/g, `id="${prefix}-$1"`).replaceAll(/url\(#([^)]+)\)/g, `url(#${prefix}-$1)`)
}

/**
 * A picture as a file of its own, with what it shows as its title.
 * @param options `dark`: light on dark, in the colours of the page; default: dark on white
 */
export function standaloneSvg({ svg, title, description }: DrawnPicture, { dark = false } = {}): string {
  const told = escaped(`${title}. ${description}`)
  const { text, paper } = dark ? { text: '#f2f2f2', paper: '#16181d' } : { text: '#1a1a1a', paper: '#ffffff' }
  const begin = `<title>${told}</title><rect width="100%" height="100%" fill="${paper}"/>`
  return svg
    .replaceAll('currentColor', text)
    .replace(/^<svg([^>]*)>/, (_, attributes: string) => `<svg${attributes} role="img">${begin}`)
}

export function pictureCsv({ rows }: Pick<Picture, 'rows'>): string {
  return `${Papa.unparse([...rows], { columns: columnsOf(rows), newline: '\n' })}\n`
}

/**
 * @param made what the report was made of, a line each
 * @returns the text of an HTML file
 */
export function reportPage(
  title: string,
  made: readonly string[],
  drawn: readonly DrawnFigure[],
  missing: readonly MissingFigures[],
): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="dynts">
<title>${escaped(title)}</title>
<style>${pageStyle}</style>
</head>
<body>
<header>
<h1>${escaped(title)}</h1>
<ul class="made">${made.map((line) => `<li>${escaped(line)}</li>`).join('')}</ul>
<nav aria-label="Figures"><ol>${drawn.map(({ figure }) => `<li><a href="#${figure.name}">${escaped(figure.title)}</a></li>`).join('')}</ol></nav>
</header>
<main>
${drawn.map(section).join('\n')}
${missing.length === 0 ? '' : missingSection(missing)}
</main>
<script>${pageScript}</script>
</body>
</html>
`
}

function section({ figure, pictures }: DrawnFigure): string {
  const paper = figure.paper === undefined ? '' : `<p class="paper">In the paper: ${escaped(figure.paper)}.</p>`
  return `<section id="${figure.name}" aria-labelledby="${figure.name}-title">
<h2 id="${figure.name}-title">${escaped(figure.title)}</h2>
<p>${escaped(figure.caption)}</p>
${paper}
${pictures.map(pictureFigure).join('\n')}
</section>`
}

function pictureFigure(picture: DrawnPicture): string {
  const { id, title, description, settings, rows, svg } = picture
  const csv = `data:text/csv;charset=utf-8,${encodeURIComponent(pictureCsv(picture))}`
  return `<figure id="${id}">
<div class="picture${isNarrow(svg) ? ' narrow' : ''}" tabindex="0" role="group" aria-label="${escaped(title)}">${svg.replace('<svg', `<svg role="img" aria-label="${escaped(description)}"`)}</div>
<figcaption><strong>${escaped(title)}.</strong> ${escaped(description)} <span class="settings">${escaped(settings)}</span></figcaption>
<div class="files"><button type="button" data-save="svg">SVG</button> <button type="button" data-save="png">PNG</button> <a download="${id}.csv" href="${csv}">CSV</a></div>
<details><summary>Data, ${rows.length} rows</summary><div class="scrolls" tabindex="0" role="group" aria-label="Data of ${escaped(title)}">${table(rows)}</div></details>
</figure>`
}

/** Whether its letters can be read when it is made as narrow as a phone. */
function isNarrow(svg: string): boolean {
  const [, width = Infinity] = /^<svg[^>]* viewBox="0 0 ([\d.]+)/.exec(svg) ?? []
  return Number(width) < 600
}

function table(rows: readonly Row[]): string {
  const columns = columnsOf(rows)
  const head = columns.map((name) => `<th scope="col">${escaped(name)}</th>`).join('')
  const body = rows.map(
    (row) => `<tr>${columns.map((name) => `<td>${escaped(String(row[name] ?? ''))}</td>`).join('')}</tr>`,
  )
  return `<table><thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table>`
}

function columnsOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))]
}

function missingSection(missing: readonly MissingFigures[]): string {
  const items = missing.flatMap(({ figures, why }) =>
    figures.map(
      ({ title, needs }) => `<li><strong>${escaped(title)}</strong>: ${escaped(why)}; it needs ${escaped(needs)}</li>`,
    ),
  )
  return `<section id="missing" aria-labelledby="missing-title">
<h2 id="missing-title">Not here</h2>
<p>These figures lack their data:</p>
<ul>${items.join('')}</ul>
</section>`
}

function escaped(text: string): string {
  const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text.replace(/[&<>"]/g, (char) => names[char] ?? char)
}
