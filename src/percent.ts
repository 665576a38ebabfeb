/** A share as text, e.g. `12.3 %`; a dash for none. */
export function percent(share = NaN, digits = 1): string {
  return Number.isNaN(share) ? '-' : `${(share * 100).toFixed(digits)} %`
}

/** A part that is not whole is below 100 %. */
export function percentDone(done: number, total: number): string {
  return `${total > 0 ? Math.floor((done / total) * 100) : 100} %`
}
