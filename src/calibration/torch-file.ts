/**
 * What `torch.save` wrote: a zip without compression, of a pickle and of the numbers of each tensor. A pickle is a program; of what it
 * may call only what builds tensors is known here, and nothing else is run.
 */
import { unzipSync } from 'fflate'
import { Parser } from 'pickleparser'
import type { Fail } from './query-statistics.ts'

/** float32, in the order of its rows. */
export interface TorchTensor {
  readonly shape: readonly number[]
  readonly values: Float32Array
}

/** Of each part of a zip. */
const signature = 'PK\x03\x04'

export function isTorchFile(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, signature.length) === signature
}

/**
 * What was saved: dictionaries as Maps, lists and tuples as arrays.
 * @param bytes of a file for which `isTorchFile` holds
 */
export function readTorchFile(bytes: Buffer, fail: Fail): unknown {
  const parts = unzipped(bytes, fail)
  const pickle = [...parts.keys()].find((name) => name.endsWith('/data.pkl'))
  if (pickle === undefined) return fail('it is a zip, but torch did not write it')
  const folder = pickle.slice(0, -'data.pkl'.length)
  const { parser, problem } = parserFor((key) => parts.get(`${folder}data/${key}`))
  try {
    return parser.parse(parts.get(pickle) ?? new Uint8Array())
  } catch (error) {
    return fail(problem() ?? `what torch wrote cannot be read: ${(error as Error).message}`)
  }
}

function unzipped(bytes: Buffer, fail: Fail): ReadonlyMap<string, Uint8Array> {
  try {
    // Compressed parts, which torch does not write, could be of any size.
    return new Map(Object.entries(unzipSync(bytes, { filter: ({ compression }) => compression === 0 })))
  } catch (error) {
    return fail(`it is a damaged zip: ${(error as Error).message}`)
  }
}

type Storages = (key: string) => Uint8Array | undefined

/** What the parser throws for an unknown name says less than `problem`. */
function parserFor(storageOf: Storages): { parser: Parser; problem: () => string | undefined } {
  let problem: string | undefined
  const refuse = (why: string): never => {
    problem = why
    throw new Error(why)
  }
  const floats = () => refuse('it calls what is no function')
  const known = new Map<string, (...values: unknown[]) => unknown>([
    ['torch.FloatStorage', floats],
    ['collections.OrderedDict', () => new Map()],
    ['torch._utils._rebuild_tensor_v2', (...values) => rebuilt(values, refuse)],
  ])
  const parser = new Parser({
    unpicklingTypeOfDictionary: 'Map',
    nameResolver: {
      resolve: (module, name) =>
        known.get(`${module}.${name}`) ?? refuse(`it has ${module}.${name}; tensors of float32 can be read`),
    },
    persistentResolver: {
      resolve(reference: unknown) {
        const [kind, type, key] = Array.isArray(reference) ? (reference as unknown[]) : []
        const isStorage = kind === 'storage' && type === floats && typeof key === 'string'
        const storage = isStorage ? storageOf(key) : undefined
        return storage ?? refuse('the numbers of a tensor are missing')
      },
    },
  })
  return { parser, problem: () => problem }
}

/** @param values storage, first number, shape, strides */
function rebuilt([storage, first, shape, strides]: unknown[], refuse: (why: string) => never): TorchTensor {
  if (!(storage instanceof Uint8Array) || !isWhole(first) || !areWhole(shape) || !areWhole(strides))
    return refuse('a tensor is described wrongly')
  const isInOrder = strides.every(
    (stride, axis) => (shape[axis] ?? 0) <= 1 || stride === productOf(shape.slice(axis + 1)),
  )
  const count = productOf(shape)
  if (!isInOrder || strides.length !== shape.length) return refuse('a tensor is not stored in the order of its rows')
  if (4 * (first + count) > storage.length) return refuse('a tensor has more numbers than its file')
  const view = new DataView(storage.buffer, storage.byteOffset, storage.byteLength)
  return { shape, values: Float32Array.from({ length: count }, (_, i) => view.getFloat32(4 * (first + i), true)) }
}

function isWhole(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0
}

function areWhole(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isWhole)
}

function productOf(sizes: readonly number[]): number {
  return sizes.reduce((product, size) => product * size, 1)
}
