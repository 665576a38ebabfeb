/** Does something whenever it is asked for, at once or when so much time has passed since the last time: drawing thousands of things costs a frame. */
export class AtMostEvery {
  readonly #pauseMs: number
  readonly #act: () => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #last = -Infinity

  constructor(pauseMs: number, act: () => void) {
    this.#pauseMs = pauseMs
    this.#act = act
  }

  ask(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined
        this.#last = performance.now()
        this.#act()
      },
      Math.max(0, this.#last + this.#pauseMs - performance.now()),
    )
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
