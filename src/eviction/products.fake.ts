/** What the engine computes for policies, without an engine. */

/** See `CachedKeys.products`; as strict as the engine. */
export function fakeProducts(size: number): (a: Float32Array, b: Float32Array) => Float32Array {
  return (a, b) => {
    const [rows, columns] = [a.length / size, b.length / size]
    for (const count of [rows, columns]) {
      if (!Number.isInteger(count) || count < 1 || count > 256) throw new RangeError(`${count} vectors`)
    }
    const products = new Float32Array(rows * columns)
    for (let i = 0; i < products.length; i++) {
      const [row, column] = [Math.floor(i / columns) * size, (i % columns) * size]
      let sum = 0
      for (let k = 0; k < size; k++) sum += (a[row + k] ?? 0) * (b[column + k] ?? 0)
      products[i] = sum
    }
    return products
  }
}
