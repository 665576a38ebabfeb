/**
 * Units of measurement and of money: their names, and how many of one make another.
 */

/** What an amount is an amount of. */
export interface Unit {
  /**
   * How it compares with others, e.g. `length^1 time^-1`; undefined for words that are no known unit (`apples`, `north`).
   * Only units of one dimension can be compared.
   */
  readonly dimension: string | undefined
  /** How many base units one of it is, as LaTeX. */
  readonly factor: string
  /** Words that are no known unit, or stand behind one. */
  readonly words: string
}

type Dimension = Readonly<Record<string, number>>

const length = { length: 1 }
const mass = { mass: 1 }
const time = { time: 1 }
const energy = { mass: 1, length: 2, time: -2 }
const force = { mass: 1, length: 1, time: -2 }
const power = { mass: 1, length: 2, time: -3 }
const pressure = { mass: 1, length: -1, time: -2 }
const voltage = { mass: 1, length: 2, time: -3, current: -1 }
const resistance = { mass: 1, length: 2, time: -3, current: -2 }

/** Names whose letters' case matters come as they are; others in small letters. */
const table: readonly (readonly [dimension: Dimension, factor: string, names: string])[] = [
  [{ percent: 1 }, '\\frac{1}{100}', '% percent percentage pct'],
  [{ angle: 1 }, '\\frac{\\pi}{180}', '° degree deg'],
  [{ angle: 1 }, '1', 'radian rad'],
  [length, '1', 'm meter metre'],
  [length, '10^{-3}', 'mm millimeter millimetre'],
  [length, '10^{-2}', 'cm centimeter centimetre'],
  [length, '10^{-1}', 'dm decimeter decimetre'],
  [length, '1000', 'km kilometer kilometre'],
  [length, '10^{-6}', 'μm um micrometer micron'],
  [length, '10^{-9}', 'nm nanometer nanometre'],
  [length, '10^{-10}', 'Å angstrom'],
  [length, '0.0254', 'in inch'],
  [length, '0.3048', 'ft foot feet'],
  [length, '0.9144', 'yd yard'],
  [length, '1609.344', 'mi mile'],
  [length, '9.4607304725808\\cdot10^{15}', 'ly lightyear'],
  [length, '3.0856775814913673\\cdot10^{16}', 'pc parsec'],
  [length, '149597870700', 'AU'],
  [time, '1', 's sec second'],
  [time, '10^{-3}', 'ms millisecond'],
  [time, '10^{-6}', 'μs microsecond'],
  [time, '10^{-9}', 'ns nanosecond'],
  [time, '60', 'min minute'],
  [time, '3600', 'h hr hour'],
  [time, '86400', 'day'],
  [time, '604800', 'week'],
  [{ month: 1 }, '1', 'month'],
  [{ month: 1 }, '12', 'year yr'],
  [{ 'time before noon': 1 }, '1', 'am'],
  [{ 'time after noon': 1 }, '1', 'pm'],
  [mass, '10^{-3}', 'g gram'],
  [mass, '1', 'kg kilogram'],
  [mass, '10^{-6}', 'mg milligram'],
  [mass, '1000', 'tonne'],
  [mass, '0.45359237', 'lb pound'],
  [mass, '0.028349523125', 'oz ounce'],
  [{ length: 3 }, '10^{-3}', 'L l liter litre'],
  [{ length: 3 }, '10^{-6}', 'mL ml milliliter millilitre cc'],
  [{ gallon: 1 }, '1', 'gallon gal'],
  [{ length: 2 }, '10000', 'hectare ha'],
  [{ length: 2 }, '4046.8564224', 'acre'],
  [force, '1', 'N newton'],
  [force, '1000', 'kN kilonewton'],
  [force, '10^{-5}', 'dyn dyne'],
  [energy, '1', 'J joule'],
  [energy, '1000', 'kJ kilojoule'],
  [energy, '10^{6}', 'MJ megajoule'],
  [energy, '10^{-7}', 'erg'],
  [energy, '4.184', 'cal calorie'],
  [energy, '4184', 'kcal kilocalorie'],
  [energy, '1.602176634\\cdot10^{-19}', 'eV'],
  [energy, '1.602176634\\cdot10^{-16}', 'keV'],
  [energy, '1.602176634\\cdot10^{-13}', 'MeV'],
  [energy, '1.602176634\\cdot10^{-10}', 'GeV'],
  [energy, '3600000', 'kWh'],
  [power, '1', 'W watt'],
  [power, '1000', 'kW kilowatt'],
  [power, '10^{6}', 'MW megawatt'],
  [power, '10^{-3}', 'mW milliwatt'],
  [pressure, '1', 'Pa pascal'],
  [pressure, '1000', 'kPa kilopascal'],
  [pressure, '10^{6}', 'MPa megapascal'],
  [pressure, '101325', 'atm'],
  [pressure, '100000', 'bar'],
  [{ time: -1 }, '1', 'Hz hertz'],
  [{ time: -1 }, '1000', 'kHz kilohertz'],
  [{ time: -1 }, '10^{6}', 'MHz megahertz'],
  [{ time: -1 }, '10^{9}', 'GHz gigahertz'],
  [{ current: 1 }, '1', 'A amp ampere'],
  [{ current: 1 }, '10^{-3}', 'mA milliampere'],
  [{ current: 1, time: 1 }, '1', 'C coulomb'],
  [voltage, '1', 'V volt'],
  [voltage, '1000', 'kV kilovolt'],
  [voltage, '10^{-3}', 'mV millivolt'],
  [resistance, '1', 'Ω ohm'],
  [{ mass: 1, time: -2, current: -1 }, '1', 'T tesla'],
  [{ temperature: 1 }, '1', 'K kelvin'],
  [{ celsius: 1 }, '1', '°C celsius'],
  [{ fahrenheit: 1 }, '1', '°F fahrenheit'],
  [{ amount: 1 }, '1', 'mol mole'],
  [{ amount: 1, length: -3 }, '1000', 'M molar'],
  [{ information: 1 }, '1', 'bit'],
  [{ information: 1 }, '8', 'byte'],
  [{ dollars: 1 }, '1', '$ dollar usd USD'],
  [{ dollars: 1 }, '\\frac{1}{100}', '¢ cent'],
  [{ euros: 1 }, '1', '€ euro EUR'],
  [{ 'pounds sterling': 1 }, '1', '£ gbp GBP'],
  [{ yen: 1 }, '1', '¥ yen'],
  [{ yuan: 1 }, '1', 'yuan'],
  [{ rupees: 1 }, '1', '₹ rupee Rs INR'],
]

const units: ReadonlyMap<string, readonly [dimension: Dimension, factor: string]> = new Map(
  table.flatMap(([dimension, factor, names]) => names.split(' ').map((name) => [name, [dimension, factor]] as const)),
)

export function isUnitName(word: string): boolean {
  return found(word) !== undefined
}

/**
 * The unit that a text names: `cm`, `square feet`, `km/h`, `miles per hour`, `m s^{-2}`, `$`. What is no unit is kept as words.
 */
export function unitOf(text: string): Unit {
  const plain = text
    .replace(/\bmph\b/, 'mile/h')
    .replace(/\bk[mp]h\b/, 'km/h')
    .replace(/°\s*([CF])\b|\bdegrees?\s+(celsius|fahrenheit)\b/gi, (_, letter?: string, name = '') =>
      letter ? `°${letter}` : String(name),
    )
    .replace(/\b(?:square|sq)\b\.?\s*([a-z]+)/gi, '$1^2')
    .replace(/\b(?:cubic|cu)\b\.?\s*([a-z]+)/gi, '$1^3')
    .replace(/^per\s+cent\b/, 'percent')
    .replace(/(?<=[a-z\d])\.$/, '')
    .replace(/\s*\bper\b\s*/g, '/')
    .replace(/\((\S+)\)$/, '$1')
    .trim()
  const exponents = new Map<string, number>()
  const factors: string[] = []
  for (const [i, side] of plain.split('/').entries()) {
    for (const part of side.trim().split(/[\s*·⋅.]+/)) {
      const [, name = '', own = '1'] = /^(.+?)(?:\^?\{?([-+]?\d)\}?)?$/.exec(part) ?? []
      const unit = found(name)
      if (!unit)
        return {
          dimension: undefined,
          factor: '1',
          words: text.trim().replace(/^units?\^([23])$/, (_, power) => `${power === '2' ? 'square' : 'cubic'} units`),
        }
      const exponent = Number(own) * (i === 0 ? 1 : -1)
      for (const [base, power] of Object.entries(unit[0])) {
        exponents.set(base, (exponents.get(base) ?? 0) + power * exponent)
      }
      factors.push(`(${unit[1]})^{${exponent}}`)
    }
  }
  const dimension = [...exponents].filter(([, power]) => power !== 0).map(([base, power]) => `${base}^${power}`)
  return { dimension: dimension.toSorted().join(' '), factor: factors.join('\\cdot'), words: '' }
}

function found(name: string) {
  const small = name.toLowerCase()
  const exact = units.get(name) ?? (name.length > 2 ? units.get(small) : undefined)
  return (
    exact ?? (name.length > 3 ? units.get(small.replace(/(?<=(?:ch|x))es$|s$/, '')) : units.get(name.replace(/s$/, '')))
  )
}
