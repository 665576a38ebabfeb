/** The file that holds a task's questions: the user's, here or on the Hub, or the one that the task names there. */
import { InputError } from '../../errors.ts'
import { resolveDatasetFile, type DatasetFile } from '../../models/dataset.ts'
import { isRepository, isRevision, isSafeFileName } from '../../models/reference.ts'
import type { TaskLoadOptions } from './task.ts'

export interface TaskFile {
  readonly path: string
  /** The path, or `user/name@commit/file`. */
  readonly source: string
}

type Access = Pick<TaskLoadOptions, 'offline' | 'signal' | 'onDownload' | 'hub'>

/** @param file `user/name@commit/file`, with the whole commit hash @throws InputError for what the Hub does not give */
export async function pinnedFile(file: string, access: Access): Promise<TaskFile> {
  const [, repo = '', revision = '', name = ''] = /^(.+)@([0-9a-f]{40})\/(.+)$/.exec(file) ?? []
  return await onHub({ repo, revision, file: name }, access)
}

/** @param file a path, or `hf:user/name[@revision]/file` @throws InputError `invalid_option`, and for what the Hub does not give */
export async function givenFile(file: string, access: Access): Promise<TaskFile> {
  return isOnHub(file) ? await onHub(parseHubFile(file), access) : { path: file, source: file }
}

/** Whether a file that a user names is one of a dataset on the Hub. */
export function isOnHub(file: string): boolean {
  return file.startsWith('hf:')
}

function parseHubFile(text: string): DatasetFile {
  const [, repo = '', revision = 'main', file = ''] =
    /^hf:([^/@:]+\/[^/@:]+)(?:@(refs\/(?:pr|convert)\/[^/:]+|[^/:]+))?[/:](.+)$/.exec(text) ?? []
  if (isRepository(repo) && isRevision(revision) && isSafeFileName(file)) return { repo, revision, file }
  throw new InputError(
    'invalid_option',
    `${text} does not name a file of a dataset on the Hub. Give hf:user/name/FILE, or hf:user/name@REVISION/FILE.`,
  )
}

async function onHub(from: DatasetFile, { offline, signal, onDownload, hub }: Access): Promise<TaskFile> {
  const { path, commit } = await resolveDatasetFile(from, { offline, signal, onProgress: onDownload, ...hub })
  return { path, source: `${from.repo}@${commit}/${from.file}` }
}
