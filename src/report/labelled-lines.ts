/**
 * Policies as lines over what they cost, each with its name beside its end: for one picture that is read at a glance, also at the width of a
 * phone. Narrow, with large letters; colour, form and name tell the same.
 */
import type { TopLevelSpec } from 'vega-lite'
import type { Row } from './figure.ts'
import { labelPlaces } from './label-places.ts'
import { ink, policyLooks, themeConfig } from './theme.ts'

export interface LabelledLines {
  readonly x: { readonly field: string; readonly title: string }
  /** `FIELD low` and `FIELD high` have its interval. */
  readonly y: { readonly field: string; readonly title: string }
  /** The setting that makes several points of a policy, e.g. `B`; a row without one is a line across. */
  readonly setting: string
}

type Domain = readonly [low: number, high: number]

/** Pixels. */
const width = 350
const leastHeight = 340
const labelGap = 21
const letters = 15
/** Of fonts as wide as are usual, of the size of the letters. */
const widestLetter = 0.6
/** How far apart policies of one column stand; nearer where columns are narrow, so that these stay apart. */
const columnOffset = 8
/** The same where only some points of a setting would hide each other. */
const crowdedOffset = 5
const pointWidth = 8

const point = { type: 'point' as const, filled: true, size: 110, opacity: 1 }

/** @param rows have a column `policy`; of each policy and setting one */
export function labelledLines(rows: readonly Row[], { x, y, setting }: LabelledLines): TopLevelSpec {
  const bounded = rows.filter((row) => row[setting] !== null)
  const across = rows.filter((row) => row[setting] === null)
  const policies = [...new Set(bounded.map(nameOf))]
  const ends = [...across, ...policies.map((policy) => endOf(bounded, policy, x.field))]
  const height = Math.max(leastHeight, labelGap * ends.length)
  const xDomain = domainOf(bounded, [x.field], 0.1)
  const yDomain = domainOf(rows, [y.field, `${y.field} low`, `${y.field} high`], 0.04)
  const places = placesOf(ends, y.field, yDomain, height)
  const columns = columnsOf(bounded, x.field, setting, xDomain)
  const look = looksOf(rows.map(nameOf))
  const distance = columnDistance(columns, xDomain)
  const apart =
    columns.length > 0
      ? Math.min(columnOffset, (0.7 * distance) / policies.length)
      : isCrowded(bounded, x.field, setting, xDomain)
        ? crowdedOffset
        : 0
  const offset = (policy: string) => apart * (policies.indexOf(policy) - (policies.length - 1) / 2)
  const scaled = (field: string, domain: Domain) => ({
    ...{ field, type: 'quantitative' as const },
    scale: { domain: [...domain], nice: false, zero: false },
  })
  const xAxis = columns.length > 0 ? { ...columnAxis(columns, distance), grid: false } : { tickCount: 5, grid: false }
  const xOf = (field: string) => ({ ...scaled(field, xDomain), title: x.title, axis: xAxis })
  const yOf = (field: string) => ({ ...scaled(field, yDomain), title: y.title, axis: { tickCount: 6 } })
  const [low, high] = [`${y.field} low`, `${y.field} high`]
  const ofPolicy = (policy: string, more = '') => [{ filter: `datum.policy === ${JSON.stringify(policy)}${more}` }]
  const hasInterval = ` && isValid(datum['${low}'])`

  const lineAcross = (row: Row) => {
    const { color } = look(nameOf(row))
    return [
      {
        transform: ofPolicy(nameOf(row), hasInterval),
        mark: { type: 'rect' as const, color, opacity: 0.16 },
        encoding: { x: { value: 0 }, x2: { value: 'width' as const }, y: yOf(low), y2: { field: high } },
      },
      {
        transform: ofPolicy(nameOf(row)),
        mark: { type: 'rule' as const, strokeDash: [6, 4], strokeWidth: 2, color },
        encoding: { y: yOf(y.field) },
      },
    ]
  }
  const line = (policy: string) => {
    const { color, shape, filled, strokeDash } = look(policy)
    const xOffset = offset(policy)
    const encoding = { x: xOf(x.field), y: yOf(y.field) }
    return [
      {
        transform: ofPolicy(policy),
        mark: { type: 'line' as const, strokeWidth: 2, strokeDash, xOffset, color },
        encoding,
      },
      {
        transform: ofPolicy(policy, hasInterval),
        mark: { type: 'rule' as const, strokeWidth: 1.6, xOffset, color },
        encoding: { x: xOf(x.field), y: yOf(low), y2: { field: high } },
      },
      { transform: ofPolicy(policy), mark: { ...point, shape, filled, xOffset, color }, encoding },
    ]
  }
  const label = (row: Row, place: number) => {
    const { color, shape, filled } = look(nameOf(row))
    const isAcross = row[setting] === null
    const data = { values: [{ ...row, place }] }
    return [
      {
        data,
        mark: {
          ...{ type: 'rule' as const, strokeWidth: 1, opacity: 0.7, color },
          xOffset: isAcross ? 0 : offset(nameOf(row)),
        },
        encoding: {
          x: isAcross ? { value: width } : xOf(x.field),
          ...{ x2: { value: width + 12 }, y: yOf(y.field), y2: { field: 'place' } },
        },
      },
      {
        data,
        mark: isAcross
          ? { type: 'tick' as const, orient: 'horizontal' as const, size: 12, thickness: 2.5, color }
          : { ...point, shape, filled, color },
        encoding: { x: { value: width + 20 }, y: yOf('place') },
      },
      {
        data,
        mark: { type: 'text' as const, align: 'left' as const, baseline: 'middle' as const },
        encoding: { x: { value: width + 31 }, y: yOf('place'), text: { field: 'policy' } },
      },
    ]
  }
  return {
    config: {
      ...themeConfig,
      axis: { ...themeConfig.axis, labelFontSize: letters - 1, titleFontSize: letters - 1 },
      text: { ...themeConfig.text, fontSize: letters },
    },
    data: { values: [...rows] },
    ...{ width, height },
    // Drawn without a browser, texts are taken for wider than they are, and the picture with them.
    autosize: 'none',
    padding: {
      ...{ left: 68, top: 12, bottom: columns.length > 0 ? 74 : 56 },
      right: Math.round(42 + widestLetter * letters * Math.max(...ends.map((row) => nameOf(row).length))),
    },
    layer: [
      ...across.flatMap(lineAcross),
      ...columns.map(({ at }) => ({
        data: { values: [{ at }] },
        mark: { type: 'rule' as const, strokeWidth: apart * policies.length + 12, opacity: 0.05 },
        encoding: { x: xOf('at') },
      })),
      ...policies.flatMap(line),
      ...ends.flatMap((row, i) => label(row, places[i] ?? 0)),
    ],
  }
}

/** Forms that no policy of the theme has. */
const spareForms = ['triangle-left', 'wedge', 'arrow']

/** Those of the theme; of policies with the same form the second is open and dashed, and others have spare forms. */
function looksOf(policies: readonly string[]) {
  const { domain, colours, forms } = policyLooks(policies)
  const before = forms.map((form, i) => forms.slice(0, i).filter((other) => other === form).length)
  const third = before.flatMap((count, i) => (count > 1 ? [i] : []))
  return (policy: string) => {
    const i = domain.indexOf(policy)
    const isSecond = before[i] === 1
    return {
      color: colours[i] ?? ink,
      shape: (third.includes(i) ? spareForms[third.indexOf(i) % spareForms.length] : forms[i]) ?? 'circle',
      filled: !isSecond,
      strokeDash: isSecond ? [6, 3] : [1, 0],
    }
  }
}

function nameOf({ policy }: Row): string {
  return String(policy)
}

/** @param room beside the least and the most, as a share */
function domainOf(rows: readonly Row[], fields: readonly string[], room: number): Domain {
  const values = rows.flatMap((row) => fields.flatMap((field) => row[field] ?? [])).map(Number)
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const beside = most > least ? room * (most - least) : 1
  return [least - beside, most + beside]
}

/** In units of y. */
function placesOf(ends: readonly Row[], field: string, [low, high]: Domain, height: number): number[] {
  const wanted = ends.map((row) => Number(row[field]))
  return labelPlaces(wanted, (labelGap * (high - low)) / height, { low, high })
}

/** The last point of a line. */
function endOf(bounded: readonly Row[], policy: string, field: string): Row {
  const own = bounded.filter((row) => nameOf(row) === policy)
  return own.reduce((last, row) => (Number(row[field]) > Number(last[field]) ? row : last))
}

/**
 * The settings with the place of their points on the x axis, if the points of each are so near each other there that they would hide each
 * other; else none: then they have no common place.
 */
function columnsOf(bounded: readonly Row[], field: string, setting: string, [low, high]: Domain) {
  const values = [...new Set(bounded.map((row) => Number(row[setting])))]
  const columns = values.map((value) => {
    const all = bounded.filter((row) => row[setting] === value).map((row) => Number(row[field]))
    return {
      title: `${setting} ${value}`,
      at: all.reduce((sum, one) => sum + one, 0) / all.length,
      spread: Math.max(...all) - Math.min(...all),
    }
  })
  return columns.every(({ spread }) => spread < 0.05 * (high - low)) ? columns : []
}

/** Whether any two points of a setting would hide each other, or their intervals. */
function isCrowded(bounded: readonly Row[], field: string, setting: string, [low, high]: Domain): boolean {
  const nearest = (pointWidth * (high - low)) / width
  return [...new Set(bounded.map((row) => row[setting]))].some((value) => {
    const own = bounded.filter((row) => row[setting] === value).map((row) => Number(row[field]))
    return own.sort((a, b) => a - b).some((place, i) => i > 0 && place - (own[i - 1] ?? 0) < nearest)
  })
}

/** Below each column its place and its setting, or below as many as there is room for. */
function columnAxis(columns: readonly { readonly title: string; readonly at: number }[], distance: number) {
  const titles = columns.map(({ at, title }) => `datum.value === ${at} ? ${JSON.stringify(title)}`).join(' : ')
  const widest = widestLetter * letters * Math.max(...columns.map(({ title }) => title.length))
  return {
    values: columns.map(({ at }) => at),
    labelExpr: `[format(datum.value, ',.0f'), ${titles} : '']`,
    labelOverlap: widest < distance ? false : ('parity' as const),
  }
}

/** Pixels between the nearest two. */
function columnDistance(columns: readonly { readonly at: number }[], [low, high]: Domain): number {
  const places = columns.map(({ at }) => (width * (at - low)) / (high - low)).sort((a, b) => a - b)
  return Math.min(width, ...places.slice(1).map((place, i) => place - (places[i] ?? 0)))
}
