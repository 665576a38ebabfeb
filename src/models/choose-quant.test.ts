import { expect, test } from 'vitest'
import { chooseModel, groupModels } from './choose-quant.ts'
import { parseReference } from './reference.ts'
import type { HubReference } from './reference.ts'

const choose = (reference: string, ...names: string[]) =>
  chooseModel(
    parseReference(reference, { exists: () => false }) as HubReference,
    names.map((path) => ({ path })),
  ).files.map(({ path }) => path)

// What llama.cpp's gguf_filename_is_model says of each.
test.each([
  'lordx64-distill-MTP-IQ4_XS.gguf',
  'Qwen3.6-35B-A3B-MTP-IQ4_XS-Q8nextn.gguf',
  'Mtp-x-Q4_K_M.gguf',
  'x-Q4_K_M-mtp.gguf',
  'Smtp_writer.gguf',
  'x-Imatrix-Q4_K_M.gguf',
  'x-IMATRIX-Q4_K_M.gguf',
  'x-MMPROJ-Q4_K_M.gguf',
  'EAGLE3-x-Q4_K_M.gguf',
  'DFlash-x-Q8_0.gguf',
  'DSpark-x-Q8_0.gguf',
  'mtp-heads/x-Q4_K_M.gguf',
])('%s is a model', (name) => {
  expect(choose('u/r', name)).toEqual([name])
})
test.each([
  'mtp-Qwen3.6-27B.gguf',
  'MTP/mtp-x-Q8_0.gguf',
  'x-mtp-Q8_0.gguf',
  'mmproj-F16.gguf',
  'x.mmproj-f16.gguf',
  'x.imatrix.gguf',
  'eagle3-x-Q4_K_M.gguf',
  'dflash-x.gguf',
  'dspark-x.gguf',
  'x-Q4_K_M.predictor.gguf',
  'x-Q4_K_M.calibration.gguf',
])('%s is none, unless it is named', (name) => {
  expect(groupModels([{ path: name }])).toEqual([])
  expect(choose('u/r', name, 'x-IQ2_S.gguf')).toEqual(['x-IQ2_S.gguf'])
  expect(choose(`hf:u/r/${name}`, name, 'x-IQ2_S.gguf')).toEqual([name])
})

test('a model and its draft', () => {
  const names = ['mtp-Qwen3.6-27B-Q4_K_M.gguf', 'Qwen3.6-27B-Q4_K_M.gguf']
  expect(choose('u/r', ...names)).toEqual(['Qwen3.6-27B-Q4_K_M.gguf'])
  expect(choose('u/r:Q4_K_M', ...names)).toEqual(['Qwen3.6-27B-Q4_K_M.gguf'])
})

test.each<[string, string[], RegExp]>([
  ['u/r', ['README.md'], /^u\/r has no GGUF model\. Look for a repository whose name ends in -GGUF\.$/],
  ['u/r', ['x-mtp-Q8_0.gguf'], /only x-mtp-Q8_0\.gguf\. If one is, name it: hf:u\/r\/x-mtp-Q8_0\.gguf$/],
  ['u/r:Q2_K', ['x-Q8_0.gguf'], /^u\/r has no Q2_K\. It has: Q8_0\.$/],
  ['hf:u/r/y.gguf', ['x-Q8_0.gguf'], /^u\/r has no y\.gguf\. It has: Q8_0\.$/],
  ['hf:u/r/x-00001-of-00002.gguf', ['x-00001-of-00002.gguf'], /^u\/r has not all parts of x-00001-of-00002\.gguf\.$/],
])('%s among %j', (reference, names, message) => {
  expect(() => choose(reference, ...names)).toThrow(
    expect.objectContaining({ code: 'quant_not_found', message: expect.stringMatching(message) as string }) as Error,
  )
})
