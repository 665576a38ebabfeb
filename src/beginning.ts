/** Of a text that others wrote, what a message has room for. */
export function beginning(text: string, most = 200): string {
  return text.length > most ? `${text.slice(0, most)}...` : text
}
