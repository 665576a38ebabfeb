/** The options that say where and how a model is run: the same for every command that runs one. */
import { Option, type Command } from 'commander'
import { gpuChoices, kvTypes, type GpuChoice, type KvType } from '../llama/index.ts'
import { number } from './run-options.ts'

/** As commander gives them. */
export interface MachineFlags {
  readonly threads?: number
  readonly kvType: KvType
  readonly gpu: GpuChoice
  readonly gpuLayers?: number
  readonly offline?: boolean
}

/** @param formats of the cache that the command can work with */
export function addMachineOptions(command: Command, formats: readonly KvType[] = kvTypes): Command {
  return command
    .option('--threads <n>', 'compute threads (default: the physical cores, fewer for a small model)', number)
    .addOption(new Option('--kv-type <type>', 'number format of the cache').choices(formats).default('f16'))
    .addOption(new Option('--gpu <back end>', 'where the layers run').choices(gpuChoices).default('auto'))
    .option('--gpu-layers <n>', 'layers on the GPU (default: all)', number)
    .option('--offline', 'never ask the network')
}
