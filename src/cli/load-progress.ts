/**
 * Says how far the loading of a model is, if it takes longer than two seconds.
 */
const everyMs = 2000

export class LoadProgress {
  #share = 0
  readonly #timer: NodeJS.Timeout

  constructor(say: (text: string) => unknown) {
    this.#timer = setInterval(() => say(`loading the model: ${Math.round(this.#share * 100)} %`), everyMs)
  }

  readonly onProgress = (share: number): void => {
    this.#share = share
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
