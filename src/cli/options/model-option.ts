/** `--model`, and what its model is called before anything is computed with it. */
import { Option } from 'commander'
import type { GgufInfo } from '../../models/gguf-file.ts'
import { EMBEDDED_MODEL, parseReference } from '../../models/reference.ts'

/** Of a command that runs a model, or reads its vocabulary: the embedded one where none is named. */
export function modelOption(
  description = 'a GGUF file, "tiny", user/repo:QUANT, or an address on huggingface.co',
): Option {
  return new Option('-m, --model <model>', description).default(EMBEDDED_MODEL)
}

/** e.g. `Qwen3 8B (qwen3, Q4_K_M)`; of the embedded model also that it is that. */
export function modelTitle({
  name,
  architecture,
  quantization,
  path,
}: Pick<GgufInfo, 'name' | 'architecture' | 'quantization' | 'path'>): string {
  const embedded = parseReference(EMBEDDED_MODEL)
  const isEmbedded = embedded.kind === 'embedded' && path === embedded.path
  return `${name} (${architecture}, ${quantization})${isEmbedded ? ', the embedded model' : ''}`
}
