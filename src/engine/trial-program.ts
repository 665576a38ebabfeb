/**
 * What runs in the process of `tryModel`: loads a model, makes a context and computes one token. Whether it comes to its end is all
 * that is asked: what fails in an orderly way fails again, and is better explained, where it is loaded in earnest.
 */
import { EngineError, InputError } from '../errors.ts'
import { loadLibrary } from '../llama/index.ts'
import { endWithParent } from './end-with-parent.ts'
import { LoadedModel } from './loaded-model.ts'
import { trialDone, type TrialJob } from './trial.ts'

/** Every byte, and some characters. */
const anyText = `${Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('')} a b\n\n1 é 漢 🙂`

const { path, gpu, gpuLayers, parent } = JSON.parse(process.argv[2] ?? '') as TrialJob
endWithParent(parent)

try {
  const library = loadLibrary(gpu)
  // What llama.cpp says before it aborts is for the parent: by itself it writes to standard error.
  library.c.llama_log_set(null, null)
  // The vocabulary is read alone as well, and may be all that is whole.
  const vocabulary = LoadedModel.load(library, path, { gpuLayers: 0, vocabularyOnly: true })
  vocabulary.llama.vocab.tokenize(anyText)
  vocabulary.dispose()
  const model = LoadedModel.load(library, path, { gpuLayers: gpu === 'off' ? 0 : (gpuLayers ?? -1) })
  const context = model.createContext({ cellsPerSequence: 256 })
  const { vocab } = model.llama
  context.append(0, [vocab.isToken(vocab.bos) ? vocab.bos : 0], 0, 'last')
  context.logits(0)
} catch (error) {
  if (!(error instanceof InputError) && !(error instanceof EngineError)) throw error
}
process.stdout.write(trialDone, () => process.exit())
