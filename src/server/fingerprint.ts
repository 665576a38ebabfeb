/** What of a server decides on its answers, besides the request. */
import type { ServerState } from './server-state.ts'

export function systemFingerprint({ settings, backend }: Pick<ServerState, 'settings' | 'backend'>): string {
  return `dynts-${settings.version}-llama.cpp-v${backend.facts?.release ?? ''}-${settings.digest}`
}
