/** The tags between which models think and answer: a table of the formats that are known, and which of them a model uses. */

/** How a model's turn is written. The tags themselves are neither thinking nor answer. */
export interface ThinkingTags {
  /** Opens the thinking. */
  readonly open: string
  /** Closes it. */
  readonly close: string
  /** What may open the answer, the usual one first; empty: it begins where the thinking is closed. */
  readonly answerOpens: readonly string[]
  /** Closes the answer, where that has a tag of its own. */
  readonly answerClose: string | undefined
  /** Stands between two parts of a turn (harmony: every part is a message of its own). */
  readonly between: string
  /** Ends a thinking and begins the answer: what is written in the model's stead. */
  readonly closing: string
  /** A thinking without anything in it, up to the beginning of the answer. */
  readonly empty: string
  /** Nothing in the model's template names them, so it may be one that does not think: it must open before it can close. */
  readonly areAssumed: boolean
}

/** The tags of a format; what is left out follows from the others. */
type GivenTags = Pick<ThinkingTags, 'open' | 'close'> & Partial<ThinkingTags>

/** All that belongs to a pair of tags. */
export function tagsOf({ open, close, answerOpens = [], ...rest }: GivenTags): ThinkingTags {
  const closing = rest.closing ?? `\n${close}\n${answerOpens[0] ?? ''}\n`
  return {
    open,
    close,
    answerOpens,
    answerClose: rest.answerClose,
    between: rest.between ?? '',
    closing,
    empty: rest.empty ?? `${open}\n${closing}`,
    areAssumed: rest.areAssumed ?? false,
  }
}

/** Formats whose answer has tags of its own: a template that names one of these uses the format. */
const answerFormats: readonly ThinkingTags[] = [
  // gpt-oss (harmony)
  {
    open: '<|channel|>analysis<|message|>',
    close: '<|end|>',
    answerOpens: ['<|channel|>final<|message|>', '<|channel|>commentary<|message|>'],
    answerClose: '<|end|>',
    between: '<|start|>assistant',
    closing: '<|end|><|start|>assistant<|channel|>final<|message|>',
    empty: '<|channel|>final<|message|>',
  },
  // Command A and Command R of Cohere
  {
    open: '<|START_THINKING|>',
    close: '<|END_THINKING|>',
    answerOpens: ['<|START_RESPONSE|>', '<|START_TEXT|>'],
    answerClose: '<|END_RESPONSE|>',
    closing: '<|END_THINKING|><|START_RESPONSE|>',
    empty: '<|START_THINKING|><|END_THINKING|><|START_RESPONSE|>',
  },
  // Apriel
  {
    open: 'Here are my reasoning steps:',
    close: '[BEGIN FINAL RESPONSE]',
    answerClose: '[END FINAL RESPONSE]',
    closing: '\n[BEGIN FINAL RESPONSE]\n',
  },
  // Granite 3.2
  { open: 'Here is my thought process:', close: 'Here is my response:' },
  // OpenThinker
  {
    open: '<|begin_of_thought|>',
    close: '<|end_of_thought|>',
    answerOpens: ['<|begin_of_solution|>'],
    answerClose: '<|end_of_solution|>',
  },
  // Granite 3.3
  { open: '<think>', close: '</think>', answerOpens: ['<response>'], answerClose: '</response>' },
  // Hunyuan
  { open: '<think>', close: '</think>', answerOpens: ['<answer>'], answerClose: '</answer>' },
].map(tagsOf)

/** Pairs of tags, the most common first. */
const pairs: readonly ThinkingTags[] = [
  { open: '<think>', close: '</think>' },
  { open: '<thought>', close: '</thought>' },
  { open: '<thinking>', close: '</thinking>' },
  { open: '<reasoning>', close: '</reasoning>' },
  { open: '<|begin_of_thought|>', close: '<|end_of_thought|>' },
  // Magistral
  { open: '[THINK]', close: '[/THINK]' },
  // Seed-OSS
  { open: '<seed:think>', close: '</seed:think>' },
  // MiniMax-M3
  { open: '<mm:think>', close: '</mm:think>' },
  // Kimi-VL
  { open: '◁think▷', close: '◁/think▷' },
  // Gemma 4
  { open: '<|channel>thought', close: '<channel|>', closing: '\n<channel|>' },
].map(tagsOf)

/**
 * The tags that a model's template names; else those that its vocabulary has as tokens, or `<think>` and `</think>`, which are then
 * assumed.
 * @param hasToken whether a text is a token of the vocabulary
 */
export function findThinkingTags(template: string, hasToken: (text: string) => boolean = () => false): ThinkingTags {
  const named =
    answerFormats.find((format) => template.includes(format.close) && namesAnswer(template, format)) ??
    pairs.find((tags) => template.includes(tags.open) || template.includes(tags.close))
  if (named) return named
  const known = [...pairs, ...answerFormats].find((tags) => isInVocabulary(tags, hasToken))
  return { ...(known ?? tagsOf({ open: '<think>', close: '</think>' })), areAssumed: true }
}

function namesAnswer(template: string, { open, answerOpens }: ThinkingTags): boolean {
  return answerOpens.length === 0 ? template.includes(open) : answerOpens.some((tag) => template.includes(tag))
}

/** Whether all that a pair has in brackets is a token. */
function isInVocabulary({ open, close }: ThinkingTags, hasToken: (text: string) => boolean): boolean {
  const bracketed = [open, close].map((tag) => tag.match(/[<[◁][^<>[\]◁▷]*[>\]▷]/gu) ?? [])
  return bracketed.every((texts) => texts.length > 0 && texts.every(hasToken))
}
