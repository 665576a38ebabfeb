import { expect, test } from 'vitest'
import { missingMetadata } from './missing-metadata.ts'

const tokenizer = { model: 'gpt2', pre: 'qwen2', bosId: 1, eosId: 2, addBos: false }

test.each([
  [{ chatTemplate: '{{ messages }}', tokenizer }, []],
  [{ chatTemplate: undefined, tokenizer }, [/no chat template/]],
  [{ chatTemplate: ' \n', tokenizer }, [/no chat template/]],
  [{ chatTemplate: 'x', tokenizer: { ...tokenizer, pre: undefined } }, [/tokenizer\.ggml\.pre/]],
  [{ chatTemplate: 'x', tokenizer: { ...tokenizer, model: 'llama', pre: undefined } }, []],
] as const)('%#', (info, lines) => {
  const found = missingMetadata(info)
  expect(found).toHaveLength(lines.length)
  for (const [i, line] of lines.entries()) expect(found[i]).toMatch(line)
})
