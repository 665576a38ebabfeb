/**
 * Texts that llama.cpp does not survive: for some pre-tokenizers it splits a text by std::regex, which recurses once for each
 * character of a run, and some thousand letters without a break overflow the thread's stack.
 *
 * Found by tokenising runs of 100,000 letters, digits, signs and spaces under 45 pre-tokenizers of llama.cpp v0.5.0
 * (docs/reliability.md).
 */

/** They are split without recursion: any text is tokenised as it is. */
const unlimited: ReadonlySet<string> = new Set([
  ...[
    'llama-bpe',
    'llama3',
    'llama-v3',
    'falcon3',
    'deepseek-r1-qwen',
    'mpt',
    'starcoder',
    'gpt-2',
    'refact',
    'command-r',
  ],
  ...[
    'qwen2',
    'stablelm2',
    'olmo',
    'dbrx',
    'smollm',
    'codeshell',
    'chatglm-bpe',
    'glm4',
    'jais',
    'minerva-7b',
    'exaone',
  ],
  ...[
    'trillion',
    'granite-docling',
    'hunyuan',
    'kimi-k2',
    'exaone4',
    'grok-2',
    'lfm2',
    'qwen35',
    'mellum',
    'megrez',
    'solar-open',
  ],
])
/** Their expressions take letters, digits and signs in one run. */
const byWords: ReadonlySet<string> = new Set(['bloom', 'viking', 'poro-chat'])

const longestRun = 1000

/**
 * The text in pieces to be tokenised one by one: one piece, unless it has runs of more than 1000 characters of a kind, and the
 * pre-tokenizer is not known to take them.
 * @param pre `tokenizer.ggml.pre` of a BPE vocabulary; undefined if it has none
 */
export function withoutLongRuns(text: string, pre: string | undefined): string[] {
  if (text.length <= longestRun || (pre !== undefined && unlimited.has(pre))) return [text]
  const kindOf = pre !== undefined && byWords.has(pre) ? isSpace : classOf
  const pieces: string[] = []
  let pieceStart = 0
  let [run, runKind] = [0, '']
  let at = 0
  for (const character of text) {
    const kind = kindOf(character)
    run = kind === runKind ? run + 1 : 1
    runKind = kind
    if (run > longestRun) {
      pieces.push(text.slice(pieceStart, at))
      pieceStart = at
      run = 1
    }
    at += character.length
  }
  return [...pieces, text.slice(pieceStart)]
}

function isSpace(character: string): string {
  return /\s/u.test(character) ? 'space' : 'word'
}

function classOf(character: string): string {
  if (/[\p{L}\p{M}]/u.test(character)) return 'letter'
  if (/\p{N}/u.test(character)) return 'digit'
  return /\s/u.test(character) ? 'space' : 'sign'
}
