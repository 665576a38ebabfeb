import { describe, expect, test } from 'vitest'
import {
  checkEngineOptions,
  checkGenerateOptions,
  checkLoadOptions,
  checkModel,
  checkReference,
} from './option-schemas.ts'

const checks = { checkEngineOptions, checkGenerateOptions, checkLoadOptions, checkModel, checkReference }

test('what is right, or not given, passes', () => {
  const { signal } = new AbortController()
  checkLoadOptions({})
  checkLoadOptions({ predictor: false, gpu: 'off', threads: 2, onProgress: () => undefined, signal })
  checkLoadOptions({ predictor: undefined, gpuLayers: undefined, offline: undefined, onDownload: undefined })
  checkLoadOptions({ gpu: 'off', gpuLayers: 0 })
  checkEngineOptions({ cells: 512, sequences: undefined, kvType: 'q8_0', compaction: 'auto', attention: false })
  checkGenerateOptions({ signal })
  checkGenerateOptions({ signal: undefined })
  checkReference('tiny')
})

describe('wrong options', () => {
  test.each<[keyof typeof checks, unknown, string, string]>([
    ['checkReference', undefined, 'invalid_option', 'the model: it must be a string'],
    ['checkReference', { path: 'a' }, 'invalid_option', 'the model: it must be a string'],
    ['checkModel', undefined, 'invalid_context', 'the model: it must be what loadModel gives'],
    ['checkModel', { thread: {} }, 'invalid_context', 'the model: it must be what loadModel gives'],
    [
      'checkLoadOptions',
      { gpu: 'off', gpuLayers: 5 },
      'invalid_option',
      'gpu off and gpuLayers 5 contradict each other',
    ],
    ['checkLoadOptions', null, 'invalid_option', 'the options of loadModel: it must be an object'],
    ['checkLoadOptions', 'auto', 'invalid_option', 'the options of loadModel: it must be an object'],
    [
      'checkLoadOptions',
      { thread: 2 },
      'invalid_option',
      'the options of loadModel: there is no field "thread". Did you mean threads?',
    ],
    [
      'checkLoadOptions',
      { gpu_layers: 2 },
      'invalid_option',
      'the options of loadModel: there is no field "gpu_layers". Did you mean gpuLayers?',
    ],
    ['checkLoadOptions', { threads: 0 }, 'invalid_option', 'threads: it must be a whole number from 1 to 512'],
    ['checkLoadOptions', { threads: 1.5 }, 'invalid_option', 'threads: it must be a whole number from 1 to 512'],
    ['checkLoadOptions', { threads: NaN }, 'invalid_option', 'threads: it must be a whole number from 1 to 512'],
    ['checkLoadOptions', { threads: null }, 'invalid_option', 'threads: it must be a whole number from 1 to 512'],
    [
      'checkLoadOptions',
      { gpuLayers: -1 },
      'invalid_option',
      'gpuLayers: it must be a whole number from 0 to 2147483647',
    ],
    ['checkLoadOptions', { gpu: 'on' }, 'invalid_option', 'gpu: it must be one of auto, off, cuda, vulkan, metal'],
    ['checkLoadOptions', { predictor: true }, 'invalid_option', 'predictor: it must be a path or false'],
    ['checkLoadOptions', { offline: 'yes' }, 'invalid_option', 'offline: it must be true or false'],
    ['checkLoadOptions', { onProgress: 5 }, 'invalid_option', 'onProgress: it must be a function'],
    ['checkLoadOptions', { onDownload: {} }, 'invalid_option', 'onDownload: it must be a function'],
    ['checkLoadOptions', { signal: {} }, 'invalid_option', 'signal: it must be the signal of an AbortController'],
    ['checkGenerateOptions', { signal: {} }, 'invalid_option', 'signal: it must be the signal of an AbortController'],
    [
      'checkGenerateOptions',
      new AbortController(),
      'invalid_option',
      'the options of generate: there is no field "abort". Fields: signal.',
    ],
    [
      'checkGenerateOptions',
      { singal: undefined },
      'invalid_option',
      'the options of generate: there is no field "singal". Did you mean signal?',
    ],
    [
      'checkEngineOptions',
      { cell: 512 },
      'invalid_context',
      'the options of Engine.create: there is no field "cell". Did you mean cells?',
    ],
    ['checkEngineOptions', { cells: '512' }, 'invalid_context', 'cells: it must be a number'],
    ['checkEngineOptions', { cells: NaN }, 'invalid_context', 'cells: it must be a number'],
    ['checkEngineOptions', { sequences: null }, 'invalid_context', 'sequences: it must be a number'],
    ['checkEngineOptions', { kvType: 'f64' }, 'invalid_context', 'kvType: it must be one of f16, q8_0, f32'],
    ['checkEngineOptions', { compaction: true }, 'invalid_context', 'compaction: it must be one of auto, on, off'],
    ['checkEngineOptions', { flashAttention: 'on' }, 'invalid_context', 'flashAttention: it must be true or false'],
    ['checkEngineOptions', { attention: 1 }, 'invalid_context', 'attention: it must be true or false'],
  ])('%s: %o', (check, options, code, message) => {
    expect(() => checks[check](options)).toThrow(expect.objectContaining({ name: 'InputError', code, message }))
  })
})
