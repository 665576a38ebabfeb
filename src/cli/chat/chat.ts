/** What `dynts chat` does: loads a model, and answers one line after another. */
import pc from 'picocolors'
import type { LocatedModel } from '../../engine/locate-model.ts'
import type { Model } from '../../engine/model.ts'
import { settleRequest } from '../../engine/prepare.ts'
import type { GenerateResult } from '../../engine/types.ts'
import { InputError } from '../../errors.ts'
import { withFlags } from '../../option-names.ts'
import { chatCommands, runChatCommand, type ChatContext } from './chat-commands.ts'
import { choosePolicies } from '../options/chosen-policies.ts'
import { Conversation } from './conversation.ts'
import { counted } from '../output/counted.ts'
import { findModel } from '../find-model.ts'
import { onInterrupt, untilInterrupted } from '../interrupt.ts'
import { lineSource } from './line-source.ts'
import { loadModel } from '../output/load-progress.ts'
import { errorLine } from '../message-line.ts'
import { checkRunFlags, requestOf, type RunFlags } from '../run/run-options.ts'
import { PlainView, textOutput, type RunView } from '../run/run-view.ts'
import { settingFacts } from '../options/setting-facts.ts'
import { templateOptions } from '../options/template-options.ts'
import { canSteerTerminal, TerminalView } from '../run/terminal-view.ts'
import { whatItTakes } from '../run/what-it-takes.ts'
import { toStderr as say } from '../output/write.ts'

export interface ChatFlags extends RunFlags {
  readonly fold?: boolean
}

const defaultModel = 'tiny'

/** @param argument the model, where it is not given by its option */
export async function chat(argument: string | undefined, given: ChatFlags): Promise<void> {
  if (argument !== undefined && given.model !== defaultModel) {
    throw new InputError('invalid_option', `two models: ${argument} and --model ${given.model}`)
  }
  const flags = { ...given, model: argument ?? given.model }
  checkRunFlags(flags)
  const templates = templateOptions(flags)
  const [policy] = flags.policy === undefined ? [] : choosePolicies([flags.policy], flags)
  const opened = await openModel(flags, templates, (located) =>
    settleRequest(settingFacts(located), requestOf(flags, '', policy, 0)),
  )
  if (!opened) {
    say('Interrupted.')
    return
  }
  const { model, located } = opened
  try {
    await using conversation = new Conversation(model, flags, { policy, budget: flags.budget })
    await conversation.check(conversation.settings)
    say(`\nAsk something. ${chatCommands.map(({ name }) => `/${name}`).join(' ')}`)
    await talk(conversation, flags, located.info.name, model)
  } finally {
    await model.close()
  }
}

/** Undefined: it was interrupted. */
async function openModel(
  flags: ChatFlags,
  templates: ReturnType<typeof templateOptions>,
  check: (located: LocatedModel) => unknown,
): Promise<{ model: Model; located: LocatedModel } | undefined> {
  using signal = onInterrupt()
  const located = await findModel(flags, signal, templates)
  if (!located) return undefined
  check(located)
  for (const line of whatItTakes(located, flags, '')) say(line)
  const model = await untilInterrupted(signal, () => loadModel(located, flags, { signal, say }))
  return model && { model, located }
}

async function talk(conversation: Conversation, flags: ChatFlags, name: string, model: Model): Promise<void> {
  using lines = lineSource(process.stdin, process.stdout)
  const context: ChatContext = {
    ...{ conversation, flags, model: name, say },
    showsThinking: flags.fold !== true,
    ask: (question) => answer(conversation, question, viewFor(model, context.showsThinking)),
  }
  for (;;) {
    const line = await nextLine(lines)
    if (line === undefined) return
    if (line === '') continue
    try {
      if (!line.startsWith('/')) await context.ask(line)
      else if (!(await runChatCommand(line, context))) return
    } catch (error) {
      // What cannot be done is said, and the chat goes on.
      if (!(error instanceof InputError)) throw error
      say(`${pc.red('!')} ${errorLine(withFlags(error.message))}`)
    }
  }
}

/** A line that ends with a backslash goes on in the next. */
async function nextLine(lines: ReturnType<typeof lineSource>): Promise<string | undefined> {
  let text = ''
  for (;;) {
    const line = await lines.next(text === '' ? '> ' : '… ')
    if (line === undefined) return text === '' ? undefined : text.trim()
    if (!line.endsWith('\\')) return (text + line).trim()
    text += `${line.slice(0, -1)}\n`
  }
}

function viewFor({ thinkingTags }: Model, showThinking: boolean): RunView {
  if (canSteerTerminal()) return new TerminalView(process.stdout, { showText: true, showThinking, wraps: true })
  return new PlainView(textOutput, thinkingTags)
}

/** Ctrl-C ends the answer, and not the chat. What came by then stays part of the conversation. */
async function answer(conversation: Conversation, question: string, view: RunView): Promise<void> {
  const generation = await conversation.ask(question)
  const stop = () => generation.cancel()
  process.on('SIGINT', stop)
  let result: GenerateResult
  try {
    view.begin('', 1)
    for await (const event of generation) view.onEvent(0, event)
    result = await generation.result
  } finally {
    view.end()
    process.off('SIGINT', stop)
  }
  conversation.keep({ question, result })
  say(pc.dim(summaryOf(result)))
}

function summaryOf({ usage, cache, timing, finishReason }: GenerateResult): string {
  const parts = [
    `${cache.peakCells} cells at most${cache.budget === null ? '' : ` of ${cache.budget}`}`,
    counted(cache.evictions, 'eviction'),
    `${usage.thinkingTokens} thinking and ${usage.answerTokens} answer tokens`,
    `${timing.tokensPerSecond.toFixed(1)} tokens/s`,
    ...(usage.cachedPromptTokens > 0
      ? [`${usage.cachedPromptTokens} of ${usage.promptTokens} prompt tokens reused`]
      : []),
    ...(finishReason === 'stop' ? [] : [finishReason === 'cancelled' ? 'stopped' : 'ended by the token limit']),
  ]
  return parts.join(' · ')
}
