/**
 * What `dynts run` shows while it generates. Three views: a terminal, a pipe, and nothing (JSON).
 */
import type { GenerateEvent } from '../../engine/types.ts'
import type { ThinkingTags } from '../../llama/index.ts'
import { printable } from '../output/printable.ts'

/** Follows the generations of one run; `index` counts those that run at the same time. */
export interface RunView {
  /** A run under one policy begins. */
  begin(title: string, samples: number): void
  onEvent(index: number, event: GenerateEvent): void
  /** The run has ended, or was cancelled. */
  end(): void
}

/** Where a model's text goes, unless a view knows better. */
export const textOutput = {
  write: (text: string) => process.stdout.write(process.stdout.isTTY ? printable(text) : text),
}

export const silentView: RunView = {
  begin: () => undefined,
  onEvent: () => undefined,
  end: () => undefined,
}

/** Plain text for a pipe: the tags mark where the thinking ends. Texts of several samples are not mixed: none is shown. */
export class PlainView implements RunView {
  readonly #out: { write(text: string): unknown }
  readonly #tags: ThinkingTags
  #shown = true
  #thinking = false

  constructor(out: { write(text: string): unknown }, tags: ThinkingTags) {
    this.#out = out
    this.#tags = tags
  }

  begin(_title: string, samples: number): void {
    this.#shown = samples === 1
    this.#thinking = false
  }

  onEvent(_index: number, event: GenerateEvent): void {
    if (!this.#shown) return
    if (event.type === 'token') this.#out.write(event.text)
    else if (event.type === 'finish') this.#out.write('\n')
    else if (event.type === 'phase') {
      if (event.phase === 'thinking') this.#out.write(`${this.#tags.open}\n`)
      else if (this.#thinking) this.#out.write(this.#tags.close)
      this.#thinking = event.phase === 'thinking'
    }
  }

  end(): void {
    this.#thinking = false
  }
}
