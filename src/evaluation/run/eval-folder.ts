/** The folder of a run: plan.json and records.jsonl. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { InputError } from '../../errors.ts'
import { writeFileAtomic } from '../../records/atomic-file.ts'
import { folderWithin } from '../../records/folder-within.ts'
import { withFileLock, type WriteLock } from '../../records/file-lock.ts'
import { readWholeText } from '../../records/input-file.ts'
import { moveToBackup } from '../../records/backup.ts'
import { parseJson, whyNot } from '../../records/read-records.ts'
import { evalPlan, type EvalPlan } from './eval-plan.ts'

export const recordsPath = (folder: string): string => join(folder, 'records.jsonl')
/** Jobs that failed (`FailureLog`). */
export const evalFailuresPath = (folder: string): string => join(folder, 'failures.jsonl')
const planErrors = { missing: 'no_plan', invalid: 'invalid_plan' }
const planPath = (folder: string): string => join(folder, 'plan.json')

/** @throws InputError `no_plan`, `invalid_plan` */
export function readPlan(folder: string): EvalPlan {
  const path = planPath(folder)
  if (!existsSync(path)) {
    throw new InputError(
      'no_plan',
      `${folder} is no folder of dynts eval: it has no plan.json.${folderWithin(folder, 'plan.json')}`,
    )
  }
  const value = parseJson(readWholeText(path, planErrors))
  const { data, error } = evalPlan.safeParse(value)
  if (data) return data
  const why = value === undefined ? 'it is no JSON' : whyNot(error.issues[0], value)
  throw new InputError(
    'invalid_plan',
    `${path} is damaged, or of another version of dynts: ${why}. Give another folder.`,
  )
}

export function hasPlan(folder: string): boolean {
  return existsSync(planPath(folder))
}

export function writePlan(folder: string, plan: EvalPlan, lock: WriteLock): void {
  writeFileAtomic(planPath(folder), `${JSON.stringify(plan, null, 1)}\n`, { lock })
}

/** Plan, records and failures get other names; nothing is deleted. */
export function putFolderAside(folder: string): void {
  moveToBackup(evalFailuresPath(folder))
  moveToBackup(recordsPath(folder))
  moveToBackup(planPath(folder))
}

/**
 * Runs `work` as the folder's only writer.
 * @throws InputError `eval_locked` while another process writes it, `invalid_output`
 */
export async function withEvalFolder<T>(folder: string, work: (lock: WriteLock) => Promise<T>): Promise<T> {
  const onWait = () => {
    throw new InputError(
      'eval_locked',
      `Another process is writing ${folder}. Wait until it has ended, or give another \`output\`.`,
    )
  }
  return await withFileLock(join(folder, '.lock'), { onWait }, work)
}
