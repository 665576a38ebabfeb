/**
 * The form of the options that a program gives to `loadModel`, `Engine.create` and `Engine.generate`.
 */
import { z } from 'zod'
import { compactionChoices } from '../cache/compaction.ts'
import { abortSignal, anyNumber, anyText, callable, checkShape, oneOf, strictShape, yesOrNo } from '../check-shape.ts'
import { InputError } from '../errors.ts'
import { gpuChoices, kvTypes } from '../llama/index.ts'
import { EngineThread } from './engine-thread.ts'
import { templateVariables } from './template-variables.ts'

const whole = (least: number, most: number) =>
  z.custom<number>(
    (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
    `it must be a whole number from ${least} to ${most}`,
  )

const tag = anyText.min(1, 'it must not be empty')
const loading = strictShape({
  predictor: z
    .custom<string | false>((value) => typeof value === 'string' || value === false, 'it must be a path or false')
    .optional(),
  calibration: anyText.min(1, 'it must not be empty').optional(),
  gpu: oneOf(gpuChoices).optional(),
  gpuLayers: whole(0, 2 ** 31 - 1).optional(),
  threads: whole(1, 512).optional(),
  vocabularyOnly: yesOrNo.optional(),
  chatTemplate: anyText.min(1, 'it must not be empty').optional(),
  templateVariables: templateVariables.optional(),
  thinkingTags: strictShape({ open: tag, close: tag })
    .refine(({ open, close }) => open !== close, 'open and close must differ')
    .optional(),
  offline: yesOrNo.optional(),
  onDownload: callable.optional(),
  onProgress: callable.optional(),
  onTrial: callable.optional(),
  signal: abortSignal.optional(),
})

/** @throws InputError `invalid_option` naming the first option that is wrong */
export function checkLoadOptions(options: unknown): void {
  checkShape(loading, options, 'invalid_option', 'the options of loadModel')
  const { gpu, gpuLayers = 0 } = options as { gpu?: string; gpuLayers?: number }
  if (gpu === 'off' && gpuLayers > 0) {
    throw new InputError('invalid_option', `gpu off and gpuLayers ${gpuLayers} contradict each other`)
  }
}

/** @throws InputError `invalid_context` for what `loadModel` has not given */
export function checkModel(model: unknown): void {
  if (typeof model === 'object' && model !== null && 'thread' in model && model.thread instanceof EngineThread) return
  throw new InputError('invalid_context', 'the model: it must be what loadModel gives')
}

/** @throws InputError `invalid_option` */
export function checkReference(reference: unknown): void {
  checkShape(anyText, reference, 'invalid_option', 'the model')
}

const engine = strictShape({
  cells: anyNumber.optional(),
  sequences: anyNumber.optional(),
  kvType: oneOf(kvTypes).optional(),
  compaction: oneOf(compactionChoices).optional(),
  flashAttention: yesOrNo.optional(),
  attention: yesOrNo.optional(),
  promptStateBytes: whole(0, Number.MAX_SAFE_INTEGER).optional(),
})

/** @throws InputError `invalid_context` naming the first option that is wrong */
export function checkEngineOptions(options: unknown): void {
  checkShape(engine, options, 'invalid_context', 'the options of Engine.create')
}

const generating = strictShape({ signal: abortSignal.optional() })

/** @throws InputError `invalid_option` naming the first option that is wrong */
export function checkGenerateOptions(options: unknown): void {
  checkShape(generating, options, 'invalid_option', 'the options of generate')
}
