/** Which model a file was made for, and whether another is the same. */
import type { GgufValue } from '../llama/index.ts'
import type { GgufMetadata } from '../models/gguf-metadata.ts'

/** What a file was made for; it is refused for a model that differs. */
export interface Fingerprint {
  readonly architecture: string
  readonly hiddenSize: number
  readonly layers: number
  readonly vocabularySize: number
  /** For messages; a model may be renamed. */
  readonly name: string
}

/** The first fact in which two models differ, or undefined if there is none. Names may differ: files are renamed. */
export function differentFact(
  a: Fingerprint,
  b: Fingerprint,
): { fact: string; a: number | string; b: number | string } | undefined {
  return [
    { fact: 'architecture', a: a.architecture, b: b.architecture },
    { fact: 'hidden size', a: a.hiddenSize, b: b.hiddenSize },
    { fact: 'number of layers', a: a.layers, b: b.layers },
    { fact: 'vocabulary size', a: a.vocabularySize, b: b.vocabularySize },
  ].find((each) => each.a !== each.b)
}

/** @param prefix of the keys: the file's own architecture */
export function fingerprintMetadata(prefix: string, model: Fingerprint): Record<string, GgufValue> {
  return {
    [`${prefix}.model.architecture`]: model.architecture,
    [`${prefix}.model.name`]: model.name,
    [`${prefix}.model.hidden_size`]: { u32: model.hiddenSize },
    [`${prefix}.model.layers`]: { u32: model.layers },
    [`${prefix}.model.vocabulary_size`]: { u32: model.vocabularySize },
  }
}

/** @param fail called with what is missing */
export function readFingerprint(prefix: string, metadata: GgufMetadata, fail: (problem: string) => never): Fingerprint {
  const required = <T>(value: T | undefined, name: string): T => value ?? fail(`${name} of its model is missing`)
  const key = (name: string) => `${prefix}.model.${name}`
  return {
    architecture: required(metadata.text(key('architecture')), 'the architecture'),
    hiddenSize: required(metadata.count(key('hidden_size')), 'the hidden size'),
    layers: required(metadata.count(key('layers')), 'the number of layers'),
    vocabularySize: required(metadata.count(key('vocabulary_size')), 'the vocabulary size'),
    name: metadata.name(key('name')) ?? 'unknown',
  }
}
