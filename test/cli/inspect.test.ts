/**
 * `dynts inspect`: models, predictors, and whether they fit together.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { tinyCalibration, tinyF16, tinyPredictor } from '../oracle.ts'
import { FakeHub } from '../support/hub-server.ts'
import { smallModel, smallTensors, writeGguf } from '../support/gguf-writer.ts'
import { dynts, scratch } from './run-dynts.ts'

const inspect = async (...args: string[]) => {
  const { code, stdout, stderr } = await dynts(['inspect', ...args])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}
const small = join(scratch, 'small.gguf')
writeFileSync(small, writeGguf(smallModel({ 'tokenizer.chat_template': undefined }), smallTensors))

describe.concurrent('dynts inspect', () => {
  test('a model', async () => {
    const text = await inspect('tiny')
    expect(text).toMatch(/^architecture +qwen2\n/)
    expect(text).toMatch(/^bytes per cell, f16 +3072$/m)
    expect(text).toMatch(/^thinking tags +<think> <\/think>$/m)
    expect(text).toMatch(/^predictor +.*tiny-f16\.predictor\.gguf \(fits\)$/m)
  })

  test('a model as JSON', async () => {
    expect(JSON.parse(await inspect(tinyF16, '--json'))).toEqual({
      schema: 'dynts.inspect.model/1',
      architecture: 'qwen2',
      hiddenSize: 256,
      layers: 6,
      vocabularySize: 768,
      name: 'dynts tiny reasoner',
      path: tinyF16,
      quantization: 'F16',
      weightBytes: 7_300_096,
      heads: 4,
      kvHeads: 2,
      trainedContext: 4096,
      bytesPerCell: { f16: 3072, f32: 6144 },
      chatTemplate: true,
      thinkingTags: '<think> </think>',
      predictor: `${tinyPredictor} (fits)`,
      calibration: `${tinyCalibration} (fits)`,
    })
  })

  test('a model without a predictor and without a template', async () => {
    const text = await inspect(small)
    expect(text).toMatch(/^predictor +none found$/m)
    expect(text).toMatch(/^calibration +none found$/m)
    expect(text).toMatch(/^chat template +no$/m)
    expect(text).toMatch(/^thinking tags +there is no template; <think> <\/think> is assumed$/m)
  })

  test('a predictor as JSON, with the model that it fits', async () => {
    expect(JSON.parse(await inspect(tinyPredictor, '--json', '--model', 'tiny'))).toEqual({
      schema: 'dynts.inspect.predictor/1',
      path: tinyPredictor,
      shape: [256, 512, 128, 1],
      target: 'power:0.3',
      label: null,
      policy: null,
      diversity: null,
      budget: 320,
      localWindow: 32,
      ratio: 0.5,
      evictEvery: null,
      model: {
        architecture: 'qwen2',
        hiddenSize: 256,
        layers: 6,
        vocabularySize: 768,
        name: 'dynts tiny reasoner',
      },
      heldOut: expect.objectContaining({ traces: 94 }) as unknown,
      fits: `yes: ${tinyF16}`,
    })
  })

  test('a predictor and a model that it does not fit', async () => {
    expect(await inspect(tinyPredictor, '--model', small)).toMatch(
      /^fits +no: it was trained for dynts tiny reasoner \(hidden size 256\), but the model's hidden size is 32$/m,
    )
  })

  test('a model of the Hub, which is downloaded before everyone’s eyes', async () => {
    const hub = await FakeHub.start()
    try {
      hub.repos.set('user/tiny-GGUF', {
        commit: 'c0ffee00'.repeat(5),
        files: { 'tiny-F16.gguf': readFileSync(tinyF16) },
      })
      const env = { HF_ENDPOINT: hub.url, HF_HUB_CACHE: mkdtempSync(join(scratch, 'cache-')) }
      const { code, stdout, stderr } = await dynts(['inspect', 'user/tiny-GGUF'], { env })
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: expect.stringMatching(/^100 % {2}7\.0 MiB of 7\.0 MiB$/m) as string,
      })
      expect(stdout).toMatch(/^architecture +qwen2$/m)
    } finally {
      await hub.stop()
    }
  })
})
