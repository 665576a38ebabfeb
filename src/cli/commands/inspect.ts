/**
 * `dynts inspect`: what a model or a predictor is, and whether they fit together. Loads nothing itself.
 */
import { Command } from 'commander'
import { fingerprint, locateModel } from '../../engine/locate-model.ts'
import { tryModel } from '../../engine/trial.ts'
import { inspectGguf, type GgufInfo } from '../../models/gguf-file.ts'
import { GgufMetadata } from '../../models/gguf-metadata.ts'
import { readGguf } from '../../models/gguf-reader.ts'
import { bytesPerCell } from '../../models/memory-plan.ts'
import { withFlags } from '../../option-names.ts'
import { mismatch, predictorArchitecture, readCheckpoint, type PredictorCheckpoint } from '../../predictor/index.ts'
import { factsTable } from '../output/facts-table.ts'
import { findModelFile } from '../find-model.ts'
import { onInterrupt } from '../interrupt.ts'
import { LoadProgress } from '../output/load-progress.ts'
import { refuseWithoutEffect } from '../options/option-values.ts'
import { predictorFacts, predictorTable } from '../train/predictor-facts.ts'
import { toStderr, writeResult } from '../output/write.ts'

interface InspectFlags {
  readonly model?: string
  readonly json?: boolean
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .argument('<file>', 'a model (as for run --model) or a predictor')
    .option('-m, --model <model>', 'for a predictor: the model that it should fit')
    .option('--json', 'print JSON')
    .action((file: string, flags: InspectFlags) => inspect(file, flags))
}

async function inspect(reference: string, flags: InspectFlags): Promise<void> {
  using signal = onInterrupt()
  const pathOf = async (model: string) => (await findModelFile({ model }, signal))?.path
  const path = await pathOf(reference)
  if (path === undefined) return
  const { architecture } = new GgufMetadata(await readGguf(path))
  let facts
  let table = factsTable
  if (architecture === predictorArchitecture) {
    const model = flags.model === undefined ? undefined : await pathOf(flags.model)
    if (flags.model !== undefined && model === undefined) return
    facts = await inspectPredictor(path, model)
    table = predictorTable
  } else {
    refuseWithoutEffect({ '--model': flags.model }, `because ${reference} is a model itself`)
    facts = await inspectModel(reference, path, signal)
  }
  writeResult(flags, facts, table(facts))
}

async function inspectModel(reference: string, path: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  const info = await inspectGguf(path)
  const { quantization, weightBytes, heads, kvHeads, trainedContext } = info
  await tryOnce(info, signal)
  const found = await fitting(reference)
  return {
    schema: 'dynts.inspect.model/1',
    ...fingerprint(info),
    path,
    ...{ quantization, weightBytes, heads, kvHeads, trainedContext },
    bytesPerCell: { f16: bytesPerCell(info, 'f16'), f32: bytesPerCell(info, 'f32') },
    chatTemplate: info.chatTemplate !== undefined,
    thinkingTags: thinkingTags(info),
    ...found,
  }
}

async function tryOnce(info: GgufInfo, signal: AbortSignal): Promise<void> {
  using progress = new LoadProgress(toStderr)
  await tryModel(info, { gpu: 'off', signal, onStart: progress.onTrial })
}

/** What is found for a model, or why it cannot be used. */
async function fitting(reference: string): Promise<{ predictor: string; calibration: string }> {
  try {
    const { predictor, calibrationPath } = await locateModel(reference)
    const say = (path: string | undefined) => (path === undefined ? 'none found' : `${path} (fits)`)
    return { predictor: say(predictor?.path), calibration: say(calibrationPath) }
  } catch (error) {
    const why = withFlags(error instanceof Error ? error.message : String(error))
    return { predictor: why, calibration: why }
  }
}

function thinkingTags({ chatTemplate, thinkingTags: { open, close, areAssumed } }: GgufInfo): string {
  if (!areAssumed) return `${open} ${close}`
  return `${chatTemplate === undefined ? 'there is no template' : 'none in the template'}; ${open} ${close} is assumed`
}

async function inspectPredictor(path: string, model: string | undefined): Promise<Record<string, unknown>> {
  const checkpoint = await readCheckpoint(path)
  const { schema, ...facts } = predictorFacts(checkpoint)
  return { schema, path, ...facts, ...(model === undefined ? {} : { fits: await fits(checkpoint, model) }) }
}

async function fits(checkpoint: PredictorCheckpoint, path: string): Promise<string> {
  const why = mismatch(checkpoint.model, fingerprint(await inspectGguf(path)))
  return why === undefined ? `yes: ${path}` : `no: ${why}`
}
