/** Python's `strftime`, with English names, in local time. */

const months = 'January February March April May June July August September October November December'.split(' ')
const days = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')

/** Directives that are not known stay as they are; `%-d` and `%#d` are `%d` without the zero. */
export function strftime(date: Date, format: string): string {
  return format.replace(/%([-#]?)([a-zA-Z%])/g, (all, bare: string, letter: string) => {
    const text = directives[letter]?.(date)
    return text === undefined ? all : bare ? text.replace(/^0+(?=\d)/, '') : text
  })
}

const two = (number: number) => String(number).padStart(2, '0')
const hourOfTwelve = (date: Date) => two(date.getHours() % 12 || 12)
const dayOfYear = (date: Date) => {
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()]
  return (Date.UTC(year, month, day) - Date.UTC(year, 0, 0)) / 86_400_000
}

const directives: Readonly<Record<string, (date: Date) => string>> = {
  a: (date) => (days[date.getDay()] ?? '').slice(0, 3),
  A: (date) => days[date.getDay()] ?? '',
  b: (date) => (months[date.getMonth()] ?? '').slice(0, 3),
  B: (date) => months[date.getMonth()] ?? '',
  d: (date) => two(date.getDate()),
  F: (date) => strftime(date, '%Y-%m-%d'),
  H: (date) => two(date.getHours()),
  I: hourOfTwelve,
  j: (date) => String(dayOfYear(date)).padStart(3, '0'),
  m: (date) => two(date.getMonth() + 1),
  M: (date) => two(date.getMinutes()),
  p: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  S: (date) => two(date.getSeconds()),
  T: (date) => strftime(date, '%H:%M:%S'),
  y: (date) => two(date.getFullYear() % 100),
  Y: (date) => String(date.getFullYear()),
  '%': () => '%',
}
