/**
 * Units of measurement and of money: their names, and how many of one make another. Knows nothing of numbers.
 */

/** A unit, or `known: false` for a word that counts things (`apples`), which says nothing about the value. */
export interface Unit {
  readonly known: boolean
  /** E.g. `length^2`, `length^1 time^-1`. Only units of one dimension can be compared. */
  readonly dimension: string
  /** How many base units one of it is, as LaTeX. */
  readonly factor: string
}

const table: readonly (readonly [dimension: string, factor: string, names: string])[] = [
  ['percent', '\\frac{1}{100}', '% percent'],
  ['angle', '\\frac{\\pi}{180}', '° degree deg'],
  ['angle', '1', 'radian rad'],
  ['length', '1', 'm meter metre'],
  ['length', '\\frac{1}{1000}', 'mm millimeter millimetre'],
  ['length', '\\frac{1}{100}', 'cm centimeter centimetre'],
  ['length', '1000', 'km kilometer kilometre'],
  ['length', '0.0254', 'in inch inche'],
  ['length', '0.3048', 'ft foot feet'],
  ['length', '0.9144', 'yd yard'],
  ['length', '1609.344', 'mi mile'],
  ['time', '1', 's sec second'],
  ['time', '60', 'min minute'],
  ['time', '3600', 'h hr hour'],
  ['time', '86400', 'day'],
  ['time', '604800', 'week'],
  ['time of day', '1', 'am'],
  ['time of day after noon', '1', 'pm'],
  ['mass', '1', 'g gram'],
  ['mass', '1000', 'kg kilogram'],
  ['mass', '\\frac{1}{1000}', 'mg milligram'],
  ['mass', '453.59237', 'lb pound'],
  ['mass', '28.349523125', 'oz ounce'],
  ['volume', '1', 'l liter litre'],
  ['volume', '\\frac{1}{1000}', 'ml milliliter millilitre'],
  ['dollars', '1', '$ dollar usd'],
  ['dollars', '\\frac{1}{100}', '¢ cent'],
  ['euros', '1', '€ euro'],
  ['pounds sterling', '1', '£ gbp'],
  ['yen', '1', '¥ yen'],
  ['rupees', '1', '₹ rupee'],
]

const units: ReadonlyMap<string, readonly [dimension: string, factor: string]> = new Map(
  table.flatMap(([dimension, factor, names]) => names.split(' ').map((name) => [name, [dimension, factor]] as const)),
)

const unknown: Unit = { known: false, dimension: '', factor: '1' }

export function isUnitName(word: string): boolean {
  return units.has(singular(word.toLowerCase()))
}

/**
 * The unit that a text names: `cm`, `square feet`, `km/h`, `miles per hour`, `$`. The words may have a power of their own
 * (`cm^2`); `power` is one that follows them.
 */
export function unitOf(text: string, power = '1'): Unit {
  const words = text
    .toLowerCase()
    .replace(/[.{}\\]/g, '')
    .replace(/\bmph\b/, 'mile/h')
    .replace(/\bk[mp]h\b/, 'km/h')
    .replace(/\s*\bper\b\s*/g, '/')
    .replace(/\b(?:square|sq)\s+(\S+)/g, '$1^2')
    .replace(/\b(?:cubic|cu)\s+(\S+)/g, '$1^3')
    .trim()
  const parts = words.split('/').map((part, i) => partOf(part.trim(), i === 0 ? Number(power) : 1, i === 0 ? 1 : -1))
  const known = parts.filter((part) => part !== undefined)
  if (known.length < parts.length) return unknown
  return {
    known: true,
    dimension: known.map(({ dimension }) => dimension).join(' '),
    factor: known.map(({ factor }) => factor).join('\\cdot'),
  }
}

function partOf(text: string, given: number, direction: 1 | -1) {
  const [, name = '', own] = /^(.+?)(?:\^([23]))?$/.exec(text) ?? []
  const [dimension, factor] = units.get(name) ?? units.get(singular(name)) ?? []
  if (dimension === undefined || factor === undefined) return undefined
  const exponent = direction * (own === undefined ? given : Number(own))
  return { dimension: `${dimension}^${exponent}`, factor: `(${factor})^{${exponent}}` }
}

function singular(word: string): string {
  return word.length > 3 ? word.replace(/s$/, '') : word
}
