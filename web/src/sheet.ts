/** The panel on a phone, where it is a sheet over the page, as in `narrow.css`. */
import { tick } from 'svelte'
import { MediaQuery } from 'svelte/reactivity'
import type { Session } from './session.svelte.ts'

const narrow = new MediaQuery('width < 40em')

export function panelIsSheet(): boolean {
  return narrow.current
}

/** Whether the page lies under the sheet. */
export function sheetIsOpen({ isPanelOpen, current }: Session): boolean {
  return narrow.current && isPanelOpen && current !== undefined
}

/** Opens or closes the panel; the focus does not stay under the sheet. */
export async function setPanel(session: Session, isOpen: boolean): Promise<void> {
  session.isPanelOpen = isOpen
  if (!narrow.current) return
  await tick()
  document.querySelector<HTMLElement>(isOpen ? '#panel .bar' : '.run-bar .bar')?.focus({ preventScroll: true })
}
