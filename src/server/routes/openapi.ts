/** GET /openapi.json: the API, described for programs. */
import type { Endpoint } from '../endpoint.ts'
import { openApiDocument } from '../openapi/document.ts'

/** @param endpoints that it describes */
export function openApi(endpoints: readonly Endpoint[]): Endpoint {
  let text: string | undefined
  return {
    method: 'GET',
    path: '/openapi.json',
    summary: 'This description',
    needsKey: false,
    answer: 'application/json',
    handle: ({ settings }, { headers }) => {
      text ??= JSON.stringify(openApiDocument(endpoints, settings.version))
      return new Response(text, { headers: { ...headers, 'content-type': 'application/json; charset=utf-8' } })
    },
  }
}
