/**
 * `dynts eval merge`: the parts of an evaluation that ran on several machines, as one.
 */
import { Command } from 'commander'
import { evalFailuresPath } from '../../evaluation/run/eval-folder.ts'
import type { Gaps } from '../../evaluation/run/gaps.ts'
import { mergeFolders, type MergeResult } from '../../evaluation/run/merge.ts'
import { toStderr, writeResult } from '../output/write.ts'

interface MergeFlags {
  readonly output: string
  readonly json?: boolean
}

/** More are counted, not shown. */
const shownConflicts = 5
const shownConfigurations = 8

export function evalMergeCommand(): Command {
  return new Command('merge')
    .description('Put the folders of several --shard runs together; merging again changes nothing')
    .argument('<folders...>', 'what the shards wrote')
    .requiredOption('-o, --output <folder>', 'where the records go; what it holds already counts too')
    .option('--json', 'print one JSON object')
    .action((folders: string[], flags: MergeFlags) => merge(folders, flags))
}

async function merge(folders: readonly string[], flags: MergeFlags): Promise<void> {
  const { output } = flags
  const result = await mergeFolders(folders, output)
  for (const line of [...warnings(result), ...gapLines(result.gaps, output)]) toStderr(line)
  const { planned, records, added } = result
  const text = `${output}: ${records} records, ${added} of them new; ${planned} planned`
  writeResult(flags, { schema: 'dynts.eval.merge/1', output, ...result }, text)
}

/** What is missing, and how to go on. */
function gapLines({ missing, failed, configurations, shards }: Gaps, output: string): string[] {
  const lines = failed > 0 ? [`${failed} planned samples failed; the reasons are in ${evalFailuresPath(output)}.`] : []
  if (missing === 0) return lines
  const each = configurations.map((one) => `${one.task} ${one.name}: ${one.missing}`)
  const shown = each.slice(0, shownConfigurations).join(', ') + (each.length > shownConfigurations ? ', ...' : '')
  const parts = shards.map(({ index, count }) => `${index}/${count}`).join(', ')
  const looks =
    parts === ''
      ? ''
      : ` ${parts} ${shards.length === 1 ? 'looks like a shard that was' : 'look like shards that were'} not merged.`
  return [
    ...lines,
    `${missing} planned samples are missing (${shown}).${looks} Merge what is missing into ${output}, or run the same dynts eval there without --shard.`,
  ]
}

function warnings({ conflicts, unplanned }: MergeResult): string[] {
  const lines = conflicts
    .slice(0, shownConflicts)
    .map(
      ({ task, item, sample, policy, kept, dropped }) =>
        `${task} ${item} sample ${sample} under ${policy} has two results: kept that of ${kept}, not of ${dropped}`,
    )
  if (conflicts.length > 0) {
    lines.push(
      `${conflicts.length} jobs had two different results. With several sequences at a time rounding may differ.`,
    )
  }
  if (unplanned > 0) lines.push(`${unplanned} records are not of this plan and were left out.`)
  return lines
}
