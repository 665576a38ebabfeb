/** What a reload of the tab leaves: the question that is looked at with its streams, and the streams that are to be ended. */
import type { Message, Settings } from './settings.ts'

/** A run as it is found again. */
export interface StoredRun {
  readonly conversation: string
  readonly settings: Settings
}

export interface StoredTurn {
  readonly question: string
  /** The whole conversation, its last question included. */
  readonly messages: readonly Message[]
  readonly run: StoredRun
  readonly compared?: StoredRun | undefined
}

const turnName = 'dynts-turn'
const stoppedName = 'dynts-stopped'

/** @param turn undefined: none */
export function saveTurn(turn: StoredTurn | undefined): void {
  try {
    if (turn) sessionStorage.setItem(turnName, JSON.stringify(turn))
    else sessionStorage.removeItem(turnName)
  } catch {
    // There is no room for a conversation as long as that: a reload loses it.
    sessionStorage.removeItem(turnName)
  }
}

export function storedTurn(): StoredTurn | undefined {
  return (JSON.parse(sessionStorage.getItem(turnName) ?? 'null') as StoredTurn | null) ?? undefined
}

/** Streams that nobody wants any more, and whose end the server has not confirmed. */
export function stoppedStreams(): readonly string[] {
  return JSON.parse(sessionStorage.getItem(stoppedName) ?? '[]') as string[]
}

export function addStopped(conversation: string): void {
  sessionStorage.setItem(stoppedName, JSON.stringify([...stoppedStreams(), conversation]))
}

export function removeStopped(conversation: string): void {
  sessionStorage.setItem(stoppedName, JSON.stringify(stoppedStreams().filter((one) => one !== conversation)))
}
