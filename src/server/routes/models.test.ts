import { expect, test } from 'vitest'
import type { Call } from '../endpoint.ts'
import { modelList } from '../openapi/answers.ts'
import type { ServerState } from '../server-state.ts'
import { models } from './models.ts'

async function listed(facts: object | undefined) {
  const info = {
    trainedContext: 4096,
    vocabularySize: 768,
    hiddenSize: 256,
    tensors: [{ shape: [2, 3] }],
    weightBytes: 9,
  }
  const state = {
    settings: { aliases: ['tiny'], bound: null, defaults: { policies: new Map([['full', {}]]) } },
    located: { info },
    backend: { facts },
    startedAt: 1,
  } as unknown as ServerState
  const body: unknown = await (await models.handle(state, { headers: {} } as unknown as Call)).json()
  expect(modelList.schema.safeParse(body).error).toBeUndefined()
  return body
}

test('what a model is can be said once it is loaded, its name before', async () => {
  expect(await listed(undefined)).toMatchObject({ data: [{ id: 'tiny', meta: null }] })
  expect(await listed({ cells: 512 })).toMatchObject({
    data: [{ id: 'tiny', meta: { n_ctx: 512, n_ctx_train: 4096, n_vocab: 768, n_embd: 256, n_params: 6, size: 9 } }],
  })
})
