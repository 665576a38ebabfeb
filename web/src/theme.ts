const system = matchMedia('(prefers-color-scheme: dark)')
export const themes = ['auto', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

/** Gives the page its colours. @returns what ends it: `auto` follows the system until then */
export function applyTheme(theme: Theme): () => void {
  const apply = (): void => {
    document.documentElement.dataset['theme'] = theme === 'auto' ? (system.matches ? 'dark' : 'light') : theme
  }
  apply()
  system.addEventListener('change', apply)
  return () => system.removeEventListener('change', apply)
}

/** Calls back whenever the page's colours have changed. @returns what ends it */
export function onThemeChange(changed: () => void): () => void {
  const switched = new MutationObserver(changed)
  switched.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
  return () => switched.disconnect()
}

/** A colour of the style sheet. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}
