/** What buttons and keys do to the page itself. */
import type { ServerFacts } from './api.ts'
import { runFile, type Turn } from './session.svelte.ts'

export function downloadRun(turn: Turn, server: ServerFacts | undefined): void {
  const blob = new Blob([JSON.stringify(runFile(turn, server))], { type: 'application/json' })
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = `dynts-run-${turn.run.record.start?.seed ?? 0}.json`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}

/** Browsers have a clipboard on loopback and over TLS only. */
export const canCopy = window.isSecureContext

export async function copyText(text: string): Promise<void> {
  await navigator.clipboard.writeText(text)
}

/** Whether a key belongs to what has the focus. */
export function isTyping({ target, ctrlKey, metaKey, altKey }: KeyboardEvent): boolean {
  if (ctrlKey || metaKey || altKey) return true
  if (!(target instanceof HTMLElement)) return false
  return target.closest('input, textarea, select, button, a, summary, dialog') !== null
}
