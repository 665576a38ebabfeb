/** `dynts models`: what models are on this machine, and getting and removing them. */
import { Command } from 'commander'
import { InputError } from '../../errors.ts'
import { inspectGguf } from '../../models/gguf-file.ts'
import { cachedCommit, findAtAnyCommit, listCachedModels, listRepositoryModels } from '../../models/hub-cache.ts'
import type { CachedModel } from '../../models/hub-cache.ts'
import { hubCacheFolder } from '../../models/hub-settings.ts'
import type { Environment } from '../../models/hub-settings.ts'
import { formatBytes } from '../../models/memory-plan.ts'
import { nameOf } from '../../models/model-name.ts'
import { EMBEDDED_MODEL, embeddedModelPath, parseReference } from '../../models/reference.ts'
import type { HubReference } from '../../models/reference.ts'
import { removeCachedModel, removePartialDownloads } from '../../models/remove-cached.ts'
import { resolveModel } from '../../models/resolve.ts'
import { whileDownloading } from '../find-model.ts'
import { onInterrupt } from '../interrupt.ts'
import { packageVersion } from '../package-version.ts'
import { formatTable } from '../output/table.ts'

/** What the command uses of the process. */
export interface CommandContext {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: NodeJS.WriteStream
  readonly env: Environment
}

interface ListedModel {
  /** What `--model` accepts. */
  readonly name: string
  readonly source: 'embedded' | 'cache'
  readonly quant: string
  readonly bytes: number
  readonly paths: readonly string[]
  readonly commit?: string
  readonly revisions?: readonly string[]
}

export function modelsCommand(context: CommandContext = process): Command {
  const command = new Command('models')
  command
    .command('list')
    .description('Models in the Hugging Face cache, and the embedded one')
    .option('--json', 'print JSON')
    .action((options: { json?: boolean }) => list(context, options.json === true))
  command
    .command('pull')
    .description('Download a model, or its newer version')
    .argument('<model>', 'user/repo:QUANT, or an address on huggingface.co')
    .action((model: string) => pull(context, model))
  command
    .command('rm')
    .description('Remove a model from the cache')
    .argument('<model>', 'a name that `dynts models list` shows')
    .action((model: string) => remove(context, model))
  return command
}

async function list({ stdout, env }: CommandContext, json: boolean): Promise<void> {
  const cache = hubCacheFolder(env)
  const models = [await embedded(), ...nameModels(await listCachedModels(cache))]
  if (json) {
    const output = { schema: 'dynts.models/1', version: packageVersion(), cache, models }
    stdout.write(`${JSON.stringify(output, null, 2)}\n`)
    return
  }
  const rows = [
    ['MODEL', 'QUANT', 'SIZE'],
    ...models.map(({ name, quant, bytes }) => [name, quant, formatBytes(bytes)]),
  ]
  stdout.write(`${formatTable(rows)}\n`)
  stdout.write(`\nCache: ${cache}\n`)
  if (models.length === 1) stdout.write('Get more with: dynts models pull user/repo:QUANT\n')
}

async function embedded(): Promise<ListedModel> {
  const { quantization, fileBytes, paths } = await inspectGguf(embeddedModelPath())
  return { name: EMBEDDED_MODEL, source: 'embedded', quant: quantization, bytes: fileBytes, paths }
}

/** Names that `--model` accepts and that mean one model each. */
function nameModels(models: readonly CachedModel[]): ListedModel[] {
  return models.map((model) => {
    const { commit, revisions, quant, bytes, files } = model
    return {
      name: nameOf(model, models),
      source: 'cache',
      quant,
      bytes,
      paths: files.map((file) => file.location),
      commit,
      revisions,
    }
  })
}

async function pull({ stdout, stderr, env }: CommandContext, text: string): Promise<void> {
  using signal = onInterrupt()
  const model = await whileDownloading(
    signal,
    (onProgress) => resolveModel(text, { refresh: true, signal, onProgress, env }),
    stderr,
  )
  if (!model) return
  if (model.hubProblem !== undefined) stderr.write(`${model.hubProblem} The version in the cache stays.\n`)
  const { architecture, layers, fileBytes } = await inspectGguf(model.path)
  stderr.write(`${model.name}: ${architecture}, ${layers} layers, ${formatBytes(fileBytes)}\n`)
  stdout.write(`${model.path}\n`)
}

async function remove({ stderr, env }: CommandContext, text: string): Promise<void> {
  const reference = parseReference(text, { env })
  if (reference.kind === 'embedded') {
    throw new InputError('not_in_cache', `${reference.name} comes with the package and cannot be removed.`)
  }
  if (reference.kind === 'path') {
    throw new InputError('not_in_cache', `${text} is a file of yours. Delete it yourself.`)
  }
  const cache = hubCacheFolder(env)
  const candidates = await candidatesFor(cache, reference)
  const [model, ...more] = candidates
  if (more.length > 0) {
    const all = await listRepositoryModels(cache, reference.repo)
    const names = candidates.map((each) => nameOf(each, all))
    throw new InputError('ambiguous_model', `${text} means ${candidates.length} models. Name one: ${names.join(', ')}.`)
  }
  const freed =
    model === undefined ? await removePartialDownloads(cache, reference.repo) : await removeCachedModel(cache, model)
  if (model === undefined && freed === 0) {
    throw new InputError('not_in_cache', `${text} is not in the cache ${cache}. See \`dynts models list\`.`)
  }
  stderr.write(`Removed ${model === undefined ? 'a partial download' : text}; ${formatBytes(freed)} are free again.\n`)
}

/** The cached models that a reference may mean; without a quant, all of the repository's. */
async function candidatesFor(cache: string, reference: HubReference): Promise<CachedModel[]> {
  const { repo, revision, quant, file } = reference
  const commit = await cachedCommit(cache, repo, revision)
  if (commit === undefined && revision !== 'main') return []
  const isNamed = quant !== undefined || file !== undefined
  const models = await (isNamed ? findAtAnyCommit(cache, reference) : listRepositoryModels(cache, repo))
  return models.filter((model) => commit === undefined || model.commit === commit)
}
