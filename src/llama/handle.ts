/**
 * Ownership of native objects: each is freed once, after all that depends on it, and never used afterwards.
 */
import type { Pointer } from './structs.ts'

/** A native object that this process owns. Disposing twice is allowed; using it after disposal throws. */
export abstract class NativeHandle implements Disposable {
  #pointer: Pointer | undefined
  readonly #dependents = new Set<NativeHandle>()
  readonly #owner: NativeHandle | undefined

  /** @param owner must outlive this object: disposing the owner disposes this first */
  constructor(pointer: Pointer, owner?: NativeHandle) {
    owner?.checkNotDisposed()
    this.#pointer = pointer
    this.#owner = owner
    if (owner) owner.#dependents.add(this)
  }

  /** @throws Error after disposal */
  get pointer(): Pointer {
    if (this.#pointer === undefined) throw this.#usedAfterDisposal()
    return this.#pointer
  }

  /** For what belongs to the object and has an address of its own. @throws Error after disposal */
  checkNotDisposed(): void {
    if (this.disposed) throw this.#usedAfterDisposal()
  }

  get disposed(): boolean {
    return this.#pointer === undefined
  }

  dispose(): void {
    const pointer = this.#pointer
    if (pointer === undefined) return
    for (const dependent of [...this.#dependents].reverse()) dependent.dispose()
    this.#pointer = undefined
    if (this.#owner) this.#owner.#dependents.delete(this)
    this.free(pointer)
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #usedAfterDisposal(): Error {
    return new Error(`${this.constructor.name} was used after it was disposed`)
  }

  /** Calls the C function that frees the object. */
  protected abstract free(pointer: Pointer): void
}
