/**
 * Writes a small GGUF of float32 matrices and metadata, with ggml's own writer.
 */
import { appendFileSync, statSync } from 'node:fs'
import { EngineError } from '../errors.ts'
import type { LlamaLibrary } from './library.ts'
import { ggmlType } from './structs.ts'

export type GgufValue = string | { readonly f32: number } | { readonly u32: number }

export interface GgufMatrix {
  readonly name: string
  readonly rows: number
  readonly columns: number
  /** rows x columns, row after row. */
  readonly values: Float32Array
}

/** @throws what the file system throws; EngineError `write_failed` if that is not known */
export function writeGguf(
  library: LlamaLibrary,
  path: string,
  metadata: Readonly<Record<string, GgufValue>>,
  matrices: readonly GgufMatrix[],
): void {
  const { c } = library
  const gguf = c.gguf_init_empty()
  const tensors = c.ggml_init({
    mem_size: c.ggml_tensor_overhead() * (matrices.length + 1),
    mem_buffer: null,
    no_alloc: true,
  })
  try {
    for (const [key, value] of Object.entries(metadata)) {
      if (typeof value === 'string') c.gguf_set_val_str(gguf, key, value)
      else if ('f32' in value) c.gguf_set_val_f32(gguf, key, value.f32)
      else c.gguf_set_val_u32(gguf, key, value.u32)
    }
    for (const { name, rows, columns, values } of matrices) {
      if (values.length !== rows * columns)
        throw new RangeError(`${name}: ${values.length} values for ${rows} x ${columns}`)
      if (Buffer.byteLength(name) > 63) throw new RangeError(`${name}: a tensor's name has at most 63 bytes`)
      const tensor = c.ggml_set_name(c.ggml_new_tensor_2d(tensors, ggmlType.f32, columns, rows), name)
      c.gguf_add_tensor(gguf, tensor)
      c.gguf_set_tensor_data(gguf, name, values)
    }
    const bytes = matrices.reduce((sum, { values }) => sum + values.byteLength, c.gguf_get_meta_size(gguf))
    // What a full disk takes of the last bytes, C does not notice.
    if (c.gguf_write_to_file(gguf, path, false) && statSync(path).size >= bytes) return
    // C does not say why. Node does, for as many bytes.
    appendFileSync(path, Buffer.alloc(bytes))
    throw new EngineError('write_failed', `${path} could not be written`)
  } finally {
    c.ggml_free(tensors)
    c.gguf_free(gguf)
  }
}
