/** Moments at which a connection may have broken unnoticed, or may be possible again: a phone wakes, a network is back. */

/** @returns what ends it */
export function onWake(wake: () => void): () => void {
  const shown = () => {
    if (document.visibilityState === 'visible') wake()
  }
  document.addEventListener('visibilitychange', shown)
  addEventListener('online', wake)
  addEventListener('pageshow', wake)
  return () => {
    document.removeEventListener('visibilitychange', shown)
    removeEventListener('online', wake)
    removeEventListener('pageshow', wake)
  }
}
