import type { Model } from '../engine/model.ts'

/** What a record was made with: Node, llama.cpp, and what the caller says of itself. */
export function versionsOf({
  model,
  versions,
}: {
  readonly model: Pick<Model, 'release'>
  readonly versions?: Readonly<Record<string, string>> | undefined
}): Record<string, string> {
  return { ...versions, node: process.versions.node, llamaCpp: model.release }
}
