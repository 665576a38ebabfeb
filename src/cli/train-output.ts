/**
 * The files of `dynts train`: the predictor, and beside it the numbers, the curves and the state. Knows nothing of training.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { putAside } from '../records/record-file.ts'
import type { ThroughputFigures } from '../training/throughput.ts'
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
    const isOwn =
      resume && existsSync(this.predictor) && (await this.#finishedDigest()) === (await digestOf(this.predictor))
    await checkPredictorOutput(this.predictor, force || isOwn)
  }

  /**
   * Puts the predictor in its place as a whole. A kill in between leaves the old one, or the new one and a note that this
   * training wrote it.
   * @param keepOld puts a predictor that is there aside instead of replacing it
   */
  async writePredictor(write: (path: string) => void, keepOld: boolean): Promise<void> {
    await mkdir(this.state, { recursive: true })
    const partial = join(this.state, 'predictor.partial')
    write(partial)
    const digest = await digestOf(partial)
    await this.#replace(join(this.state, finishedName), `${JSON.stringify({ digest })}\n`)
    if (keepOld) putAside(this.predictor)
    await rename(partial, this.predictor)
  }

  /**
   * Notes how fast a training was, for a later run that has nothing left to train.
   * @param measured by this run; undefined if it had nothing left
   * @returns what was measured last, if anything was
   */
  async keepThroughput(measured: ThroughputFigures | undefined): Promise<ThroughputFigures | undefined> {
    const path = join(this.state, throughputName)
    if (measured === undefined) return (await readJson(path)) as ThroughputFigures | undefined
    await this.#replace(path, `${JSON.stringify(measured)}\n`)
    return measured
  }

  /** Numbers and curves, beside the predictor or, if there is none, in the state folder. Returns where they are. */
  async writeReport(record: object, curves: string, besidePredictor: boolean): Promise<string[]> {
    await mkdir(this.state, { recursive: true })
    const files = [
      { path: this.metrics, text: `${JSON.stringify(record, null, 2)}\n` },
      { path: this.curves, text: curves },
    ]
    const written = []
    for (const { path, text } of files) {
      written.push(besidePredictor ? path : join(this.state, basename(path)))
      await this.#replace(written.at(-1) ?? path, text)
    }
    return written
  }

  /** Partial files lie in the state folder, so that a kill leaves none elsewhere. */
  async #replace(path: string, text: string): Promise<void> {
    const partial = join(this.state, `${basename(path)}.partial`)
    await writeFile(partial, text)
    await rename(partial, path)
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

async function digestOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
}
