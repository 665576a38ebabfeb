import { InputError } from '../errors.ts'

/**
 * The address of an OpenAI-compatible server; without a path `/v1` is added.
 * @throws InputError `invalid_endpoint`
 */
export function endpointUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new InputError(
      'invalid_endpoint',
      `\`endpoint\` must be an address such as http://localhost:8000/v1, not ${text}`,
    )
  }
  if (url.pathname === '/') url.pathname = '/v1'
  return url.href
}
