/**
 * Ctrl-C and SIGTERM: the first ends what is under way in good order, the second ends the program.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'

/** As a shell reports a process that the signal ended. */
const exitCodes: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143 }
/** Some programs send a signal to a process and to its group at once; a person does not press twice so fast. */
const bounceMs = 300
/** A step of a large model, or a policy of the user's own, may take long. */
const patienceMs = 2000
const leaveScrollRegion = '\u001B7\u001B[r\u001B8'

/** What a command says when Ctrl-C has ended it. */
export function interruptedText({ resume, queue }: { readonly resume: boolean; readonly queue?: string }): string {
  const workers = queue === undefined ? '' : ' Workers go on with what is in the queue.'
  return `Interrupted. The same command ${resume ? '' : 'without --no-resume '}goes on from there.${workers}`
}

/**
 * Work that Ctrl-C may end.
 * @returns undefined if `signal` has ended it
 * @throws what `work` throws otherwise
 */
export async function untilInterrupted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  }
}

/** For work that never waits: a signal is seen between two turns of the event loop only. */
export async function isInterrupted(signal: AbortSignal): Promise<boolean> {
  await nextTurn()
  return signal.aborted
}

/** Listens until it is disposed of. */
export function onInterrupt(): AbortSignal & Disposable {
  const controller = new AbortController()
  let abortedAt = 0
  let hint: NodeJS.Timeout | undefined
  const handler = (signal: NodeJS.Signals) => {
    if (!controller.signal.aborted) {
      abortedAt = performance.now()
      process.exitCode = exitCodes[signal]
      controller.abort()
      hint = setTimeout(() => {
        process.stderr.write('\nWaiting for what is under way to come to a stop. Ctrl-C again ends it at once.\n')
      }, patienceMs).unref()
    } else if (performance.now() - abortedAt >= bounceMs) {
      stopListening()
      if (process.stdout.isTTY) process.stdout.write(leaveScrollRegion)
      // process.exit would wait for the engine's thread to come out of llama.cpp.
      process.kill(process.pid, signal)
    }
  }
  const stopListening = () => {
    clearTimeout(hint)
    process.off('SIGINT', handler)
    process.off('SIGTERM', handler)
  }
  process.on('SIGINT', handler)
  process.on('SIGTERM', handler)
  return Object.assign(controller.signal, { [Symbol.dispose]: stopListening })
}
