/**
 * Arithmetic with remainders, for moduli below 2^26: products of two of them are safe integers.
 */
export function addModulo(a: number, b: number, m: number): number {
  return (a + b) % m
}

export function multiplyModulo(a: number, b: number, m: number): number {
  return (a * b) % m
}

/** @param exponent a whole number from 0 */
export function powerModulo(base: number, exponent: number, m: number): number {
  let product = 1 % m
  let square = base % m
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) product = multiplyModulo(product, square, m)
    square = multiplyModulo(square, square, m)
  }
  return product
}

/** @param prime the modulus; `a` is no multiple of it */
export function inverseModulo(a: number, prime: number): number {
  return powerModulo(a, prime - 2, prime)
}

/** How many numbers below m have no divisor in common with it (Euler's function). */
export function totient(m: number): number {
  let rest = m
  let count = m
  for (let p = 2; p * p <= rest; p++) {
    if (rest % p !== 0) continue
    count -= count / p
    while (rest % p === 0) rest /= p
  }
  return rest > 1 ? count - count / rest : count
}
