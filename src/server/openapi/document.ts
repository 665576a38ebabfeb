/** The description of the API in OpenAPI 3.1, made of the endpoints and of the schemas that requests are checked with. */
import { z } from 'zod'
import type { Endpoint } from '../endpoint.ts'
import { errorAnswer, type NamedSchema } from './answers.ts'

type Json = Readonly<Record<string, unknown>>

/** @param version of dynts */
export function openApiDocument(endpoints: readonly Endpoint[], version: string): Json {
  const schemas = new Map<string, Json>()
  const refer = ({ name, schema }: NamedSchema): Json => {
    if (!schemas.has(name)) schemas.set(name, schemaOf(schema))
    return { $ref: `#/components/schemas/${name}` }
  }
  const paths: Record<string, Record<string, Json>> = {}
  for (const endpoint of endpoints) {
    for (const [i, path] of [endpoint.path, ...(endpoint.also ?? [])].entries()) {
      const operations = (paths[path.replaceAll(/:(\w+)/g, '{$1}')] ??= {})
      operations[endpoint.method.toLowerCase()] = operationOf(endpoint, i === 0 ? '' : `${i + 1}`, refer)
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'dynts',
      version,
      summary: 'Reasoning models with a bounded KV cache',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: Object.fromEntries(schemas),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        key: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
      },
    },
  }
}

/** @param suffix tells further paths to the same endpoint apart */
function operationOf(endpoint: Endpoint, suffix: string, refer: (named: NamedSchema) => Json): Json {
  const { method, path, summary, needsKey, body, query = {} } = endpoint
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name)
  const inPath = names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }))
  const inQuery = Object.entries(query).map(([name, { meaning: description, pattern, isRequired = false }]) => {
    return { name, in: 'query', description, required: isRequired, schema: { type: 'string', pattern } }
  })
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/\W+(\w)/g, (_, letter: string) => letter.toUpperCase())}${suffix}`,
    summary,
    ...(inPath.length + inQuery.length > 0 ? { parameters: [...inPath, ...inQuery] } : {}),
    ...(body ? { requestBody: { required: true, content: { 'application/json': { schema: refer(body) } } } } : {}),
    responses: {
      ...successOf(endpoint, refer),
      default: {
        description: 'What is wrong, or why it cannot be done now.',
        content: { 'application/json': { schema: refer(errorAnswer) } },
      },
    },
    // An empty one: where the server has no keys, none is needed.
    security: needsKey ? [{ bearer: [] }, { key: [] }, {}] : [],
  }
}

function successOf({ answer, event }: Endpoint, refer: (named: NamedSchema) => Json): Json {
  if (!answer && !event) return { '204': { description: 'It is done.' } }
  const json = typeof answer === 'object' ? { 'application/json': { schema: refer(answer) } } : {}
  const text =
    typeof answer === 'string' ? { [answer]: answer === 'application/json' ? {} : { schema: { type: 'string' } } } : {}
  // What a stream consists of is described by the schema of its events.
  const stream = event ? { 'text/event-stream': { schema: refer(event) } } : {}
  return { '200': { description: 'As asked.', content: { ...json, ...text, ...stream } } }
}

function schemaOf(schema: z.ZodType): Json {
  const made = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  // Within a description it is known which kind of schema it is.
  return Object.fromEntries(Object.entries(made).filter(([name]) => name !== '$schema'))
}
