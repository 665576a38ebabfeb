/**
 * The folder of a run: plan.json and records.jsonl. Knows nothing of how records come about.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InputError } from '../../errors.ts'
import { withFileLock } from '../../records/file-lock.ts'
import { putAside } from '../../records/record-file.ts'
import { evalPlan, type EvalPlan } from './eval-plan.ts'

export const recordsPath = (folder: string): string => join(folder, 'records.jsonl')
/** Jobs that failed (`FailureLog`). */
export const failuresPath = (folder: string): string => join(folder, 'failures.jsonl')
const planPath = (folder: string): string => join(folder, 'plan.json')

/** @throws InputError `no_plan`, `invalid_plan` */
export function readPlan(folder: string): EvalPlan {
  const path = planPath(folder)
  if (!existsSync(path)) {
    throw new InputError('no_plan', `${folder} is no folder of dynts eval: it has no plan.json.`)
  }
  const { data, error } = evalPlan.safeParse(json(path))
  if (data) return data
  const [issue] = error.issues
  throw new InputError(
    'invalid_plan',
    `${path} is not as expected: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}.`,
  )
}

export function hasPlan(folder: string): boolean {
  return existsSync(planPath(folder))
}

/** Written whole or not at all. */
export function writePlan(folder: string, plan: EvalPlan): void {
  writeWhole(planPath(folder), `${JSON.stringify(plan, null, 1)}\n`)
}

/** Replaces a file in one step, so that a kill leaves the old or the new one. */
export function writeWhole(path: string, text: string): void {
  const partial = `${path}.${process.pid}.partial`
  writeFileSync(partial, text)
  renameSync(partial, path)
}

/** Plan, records and failures get other names; nothing is deleted. */
export function putFolderAside(folder: string): void {
  putAside(failuresPath(folder))
  putAside(recordsPath(folder))
  putAside(planPath(folder))
}

/**
 * Runs `work` as the folder's only writer.
 * @throws InputError `eval_locked` while another process writes it
 */
export async function withEvalFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(folder, { recursive: true })
  const onWait = () => {
    throw new InputError(
      'eval_locked',
      `Another process is writing ${folder}. Wait until it has ended, or give another --output.`,
    )
  }
  return await withFileLock(join(folder, '.lock'), { onWait }, work)
}

function json(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new InputError('invalid_plan', `${path} cannot be read: ${(cause as Error).message}.`, { cause })
  }
}
