/** The files of `dynts train`: the predictor, and beside it the numbers, the curves and the state. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { writeFileAtomic } from '../../records/atomic-file.ts'
import type { WriteLock } from '../../records/file-lock.ts'
import { moveToBackup } from '../../records/backup.ts'
import type { ThroughputFigures } from '../../training/throughput.ts'
import { checkPredictorOutput, predictorPathOf } from './predictor-file.ts'

/** What stands in the state folder when a training has come to its end. */
const finishedName = 'finished.json'
const throughputName = 'throughput.json'

export class TrainOutput {
  readonly predictor: string
  readonly metrics: string
  readonly curves: string
  /** A folder. */
  readonly state: string
  readonly lock: string

  /** @param predictor `OUT.predictor.gguf`; the others are named after it */
  constructor(predictor: string) {
    const stem = predictor.replace(/(\.predictor)?\.gguf$/i, '')
    this.predictor = predictor
    this.metrics = `${stem}.metrics.json`
    this.curves = `${stem}.curves.svg`
    this.state = `${stem}.training`
    this.lock = `${stem}.training.lock`
  }

  /**
   * Where `--output` says; else beside the model, where it is found by itself; else beside the importance folder, with its
   * name.
   */
  static async of(paths: { output: string | undefined; model: string | undefined; importance: string }) {
    if (paths.output !== undefined) return new TrainOutput(paths.output)
    if (paths.model !== undefined) return new TrainOutput(await predictorPathOf(paths.model))
    const folder = resolve(paths.importance)
    const name = basename(folder).replace(/\.importance$/, '')
    return new TrainOutput(join(dirname(folder), `${name}.predictor.gguf`))
  }

  /**
   * Refuses to replace a predictor without `force`, unless this very training has written it.
   * @throws InputError `no_output_folder`, `output_exists`
   */
  async check(force: boolean, resume: boolean): Promise<void> {
    const isOwn = resume && existsSync(this.predictor) && (await this.#finishedDigest()) === digestOf(this.predictor)
    await checkPredictorOutput(this.predictor, force || isOwn)
  }

  /**
   * Puts the predictor in its place as a whole. A kill in between leaves the old one, or the new one and a note that this
   * training wrote it.
   * @param keepOld puts a predictor that is there aside instead of replacing it
   */
  writePredictor(write: (path: string) => void, keepOld: boolean, lock: WriteLock): void {
    const writeAndNote = (partial: string) => {
      write(partial)
      const digest = digestOf(partial)
      writeFileAtomic(join(this.state, finishedName), `${JSON.stringify({ digest })}\n`, { lock })
      if (keepOld) moveToBackup(this.predictor)
    }
    writeFileAtomic(this.predictor, writeAndNote, { lock })
  }

  /**
   * Notes how fast a training was, for a later run that has nothing left to train.
   * @param measured by this run; undefined if it had nothing left
   * @returns what was measured last, if anything was
   */
  async keepThroughput(
    measured: ThroughputFigures | undefined,
    lock: WriteLock,
  ): Promise<ThroughputFigures | undefined> {
    const path = join(this.state, throughputName)
    if (measured === undefined) return (await readJson(path)) as ThroughputFigures | undefined
    writeFileAtomic(path, `${JSON.stringify(measured)}\n`, { lock })
    return measured
  }

  /** Numbers and curves, beside the predictor or, if there is none, in the state folder. Returns where they are. */
  writeReport(record: object, curves: string, besidePredictor: boolean, lock: WriteLock): string[] {
    const files = [
      { path: this.metrics, text: `${JSON.stringify(record, null, 2)}\n` },
      { path: this.curves, text: curves },
    ]
    return files.map(({ path, text }) => {
      const place = besidePredictor ? path : join(this.state, basename(path))
      writeFileAtomic(place, text, { lock })
      return place
    })
  }

  async #finishedDigest(): Promise<string | undefined> {
    const finished = (await readJson(join(this.state, finishedName))) as { digest?: string } | undefined
    return finished?.digest
  }
}

/** Undefined: there is no such file, or it is damaged. */
async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return undefined
  }
}

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
