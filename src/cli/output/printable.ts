/** Text without control characters but tabs and line feeds: what a model writes must not steer the terminal. */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, '')
}
