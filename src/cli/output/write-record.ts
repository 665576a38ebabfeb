/** A record that is printed, and with `--output` written too, for `dynts report`. */
import { writeFileAtomic } from '../../records/atomic-file.ts'
import { writeResult } from './write.ts'

/** @throws InputError `invalid_output`, `disk_full` */
export function writeRecord(
  flags: { readonly output?: string; readonly json?: boolean },
  record: object,
  text: string,
): void {
  if (flags.output !== undefined)
    writeFileAtomic(flags.output, `${JSON.stringify(record, null, 2)}\n`, { option: '--output' })
  writeResult(flags, record, text)
}
