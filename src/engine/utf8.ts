/** How many bytes the last character of a UTF-8 text still lacks. Looks at three bytes at most, and takes invalid ones for whole. */
export function missingBytes(bytes: Uint8Array): number {
  for (let behind = 0; behind < Math.min(3, bytes.length); behind++) {
    const byte = bytes[bytes.length - 1 - behind] ?? 0
    if (byte < 0x80 || byte >= 0xf8) return 0
    if (byte >= 0xc0) return Math.max(0, (byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1) - behind)
  }
  return 0
}
