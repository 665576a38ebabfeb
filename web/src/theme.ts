/** Calls back whenever the page's colours change: by its switch, or by the system's. @returns what ends it */
export function onThemeChange(changed: () => void): () => void {
  const switched = new MutationObserver(changed)
  switched.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
  const system = matchMedia('(prefers-color-scheme: dark)')
  system.addEventListener('change', changed)
  return () => {
    switched.disconnect()
    system.removeEventListener('change', changed)
  }
}

/** A colour of the style sheet. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}
