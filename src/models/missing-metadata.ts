/** What a model's file does not say, and what that costs. */
import type { GgufInfo } from './gguf-file.ts'

/** Lines for people; empty: nothing is missing. */
export function missingMetadata({ chatTemplate, tokenizer }: Pick<GgufInfo, 'chatTemplate' | 'tokenizer'>): string[] {
  const lines: string[] = []
  if (chatTemplate === undefined || chatTemplate.trim() === '') {
    lines.push(
      'The model’s file has no chat template: questions are given to it as they are, without the form that it was trained on, so its answers may be worse.',
    )
  }
  if (tokenizer.model === 'gpt2' && tokenizer.pre === undefined) {
    lines.push(
      'The model’s file does not say how it splits text (tokenizer.ggml.pre), so its answers may be worse: convert it again with a current llama.cpp.',
    )
  }
  return lines
}
