/** Whatever is done to a GGUF's header, the result is facts or an InputError, soon and in little memory. */
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cpuMs } from '../../test/support/cpu-time.ts'
import { InputError } from '../errors.ts'
import { inspectGguf } from './gguf-file.ts'
import { embeddedModelPath } from './reference.ts'

const FILE_BYTES = 7_324_288
let folder: string
let header: Buffer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dynts-fuzz-'))
  header = (await readFile(embeddedModelPath())).subarray(0, 24_192)
})
afterAll(() => rm(folder, { recursive: true }))

/** Writes the header and lets the weights be a hole in the file. */
async function inspect(bytes: Buffer, fileBytes: number): Promise<'fine' | InputError> {
  const path = join(folder, 'fuzz.gguf')
  const file = await open(path, 'w')
  await file.write(bytes)
  await file.truncate(fileBytes)
  await file.close()
  const heapBefore = process.memoryUsage().arrayBuffers
  const start = process.cpuUsage()
  try {
    await inspectGguf(path)
    return 'fine'
  } catch (error) {
    if (error instanceof InputError) return error
    throw error
  } finally {
    expect(cpuMs(start)).toBeLessThan(10_000)
    expect(process.memoryUsage().arrayBuffers - heapBefore).toBeLessThan(64 * 2 ** 20)
  }
}

test('the untouched header is fine', async () => {
  expect(await inspect(header, FILE_BYTES)).toBe('fine')
})

test('cut anywhere', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: FILE_BYTES - 1 }), async (size) => {
      const result = await inspect(header.subarray(0, size), size)
      expect(result).toBeInstanceOf(InputError)
    }),
    { numRuns: 100 },
  )
})

test('flipped bytes', async () => {
  const flips = fc.array(fc.tuple(fc.nat(24_191), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(flips, async (changes) => {
      const bytes = Buffer.from(header)
      for (const [at, change] of changes) bytes.writeUInt8(bytes.readUInt8(at) ^ change, at)
      await inspect(bytes, FILE_BYTES)
    }),
    { numRuns: 150 },
  )
})

test('numbers of 64 and 32 bits rewritten anywhere', async () => {
  const value = fc.oneof(
    fc.bigInt(0n, 2n ** 64n - 1n),
    fc.constantFrom(0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
    fc.bigInt(0n, 10_000_000n),
  )
  await fc.assert(
    fc.asyncProperty(fc.nat(24_191 - 8), value, fc.boolean(), async (at, number, wide) => {
      const bytes = Buffer.from(header)
      if (wide) bytes.writeBigUInt64LE(number, at)
      else bytes.writeUInt32LE(Number(number & 0xffffffffn), at)
      await inspect(bytes, FILE_BYTES)
    }),
    { numRuns: 150 },
  )
})
