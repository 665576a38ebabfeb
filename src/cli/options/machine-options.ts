/** The options that say where and how a model is run: the same for every command that runs one. */
import { Option, type Command } from 'commander'
import { InputError } from '../../errors.ts'
import { gpuChoices, kvTypes, type GpuChoice, type KvType } from '../../llama/index.ts'
import { checkWhole, number } from './option-values.ts'

/** As commander gives them. */
export interface DeviceFlags {
  readonly threads?: number
  readonly gpu: GpuChoice
  readonly gpuLayers?: number
  readonly offline?: boolean
}

export interface MachineFlags extends DeviceFlags {
  readonly kvType: KvType
}

/** @param formats of the cache that the command can work with */
export function addMachineOptions(command: Command, formats: readonly KvType[] = kvTypes): Command {
  return addDeviceOptions(
    command.addOption(new Option('--kv-type <type>', 'number format of the cache').choices(formats).default('f16')),
  )
}

export function addDeviceOptions(command: Command): Command {
  return addComputeOptions(command, 'where the layers run')
    .option('--gpu-layers <n>', 'layers on the GPU (default: all)', number)
    .option('--offline', 'never ask the network')
}

/** For what is computed without a model. */
export function addComputeOptions(command: Command, what = 'where it is computed'): Command {
  return command
    .option('--threads <n>', 'compute threads (default: the physical cores, fewer for a small model)', number)
    .addOption(new Option('--gpu <back end>', what).choices(gpuChoices).default('auto'))
}

/** @throws InputError `invalid_option` */
export function checkDeviceFlags({ threads, gpu, gpuLayers }: Omit<DeviceFlags, 'offline'>): void {
  checkWhole('--threads', threads, 1, 512)
  checkWhole('--gpu-layers', gpuLayers, 0, 2 ** 31 - 1)
  if (gpu === 'off' && gpuLayers !== undefined && gpuLayers > 0) {
    throw new InputError('invalid_option', `--gpu off and --gpu-layers ${gpuLayers} contradict each other`)
  }
}
