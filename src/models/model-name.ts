/** Names for the models in the cache, by which `--model` and `dynts models rm` find just that one. */
import { findModel } from './choose-quant.ts'
import type { CachedModel } from './hub-cache.ts'
import { isRevision } from './reference.ts'

/**
 * A name that means one model of the cache, also without a network.
 * @param all what the cache has of the model's repository
 */
export function nameOf(model: CachedModel, all: readonly CachedModel[]): string {
  const { repo, commit, quant, files } = model
  const revision = revisionOf(model, all)
  const at = revision === 'main' ? '' : `@${encodeURIComponent(revision)}`
  const siblings = all.filter((other) => other.repo === repo && other.commit === commit)
  const chosen = findModel({ kind: 'hub', repo, revision, quant }, siblings)
  return chosen?.files[0]?.path === files[0]?.path ? `${repo}${at}:${quant}` : `hf:${repo}${at}/${files[0]?.path ?? ''}`
}

/** A branch or tag that is at the commit, else as much of the commit as tells it from the others. */
function revisionOf({ repo, commit, revisions }: CachedModel, all: readonly CachedModel[]): string {
  if (revisions.includes('main')) return 'main'
  const named = revisions.find(isRevision)
  if (named !== undefined) return named
  const short = commit.slice(0, 8)
  const others = all.filter((other) => other.repo === repo && other.commit !== commit)
  const isTaken = others.some((other) => other.commit.startsWith(short) || other.revisions.includes(short))
  return isTaken || !/^[0-9a-f]{8}/.test(commit) ? commit : short
}
