/** `response_format`, and llama-server's `json_schema`: what the answer must be. */
import { z } from 'zod'
import { schemaGrammar, type JsonSchema } from '../../llama/index.ts'
import { ApiError, apiErrorOf } from '../api-error.ts'

const mostSchemaBytes = 64 * 1024
const schemaField = z.union([z.record(z.string(), z.unknown()), z.boolean()], 'it must be a JSON schema')

export const responseFormatFields = {
  response_format: z
    .looseObject({
      type: z.enum(['text', 'json_object', 'json_schema'], 'it must be text, json_object or json_schema'),
      schema: schemaField.nullish(),
      json_schema: z.looseObject({ schema: schemaField.nullish() }).nullish(),
    })
    .nullish(),
  json_schema: schemaField.nullish(),
}

export interface ResponseFormat {
  readonly schema: JsonSchema | undefined
  /** JSON pointers of what of it is not enforced. */
  readonly notEnforced: readonly string[]
}

/** @throws ApiError `unsupported_schema`, `conflicting_parameters`, `missing_field` */
export function readResponseFormat(given: z.infer<z.ZodObject<typeof responseFormatFields>>): ResponseFormat {
  const { response_format: format, json_schema: own } = given
  const named = format?.json_schema?.schema ?? format?.schema ?? undefined
  if (own !== null && own !== undefined && format && format.type !== 'text') {
    const message = 'response_format and json_schema are the same thing: give one of them'
    throw new ApiError(400, 'conflicting_parameters', message, { param: 'json_schema' })
  }
  if (format?.type === 'json_schema' && named === undefined) {
    throw new ApiError(400, 'missing_field', 'response_format.json_schema.schema is missing', {
      param: 'response_format',
    })
  }
  const asked =
    format?.type === 'json_object' ? (named ?? { type: 'object' }) : format?.type === 'json_schema' ? named : undefined
  const schema = own ?? asked
  if (schema === undefined) return { schema, notEnforced: [] }
  const param = own ? 'json_schema' : 'response_format'
  if (Buffer.byteLength(JSON.stringify(schema)) > mostSchemaBytes) {
    throw new ApiError(400, 'unsupported_schema', `the schema must have at most ${mostSchemaBytes} bytes`, { param })
  }
  try {
    return { schema: schema, notEnforced: schemaGrammar(schema).notEnforced }
  } catch (error) {
    const { status, code, message } = apiErrorOf(error)
    throw new ApiError(status, code, message, { param })
  }
}
