/** What `dynts chat` does: loads a model, and answers one line after another. */
import pc from 'picocolors'
import { locateModel, type LocatedModel } from '../engine/locate-model.ts'
import { loadLocated, type Model } from '../engine/model.ts'
import { settleRequest } from '../engine/prepare.ts'
import type { GenerateResult } from '../engine/types.ts'
import { InputError } from '../errors.ts'
import { withFlags } from '../option-names.ts'
import { chatCommands, runChatCommand, type ChatContext } from './chat-commands.ts'
import { choosePolicies } from './chosen-policies.ts'
import { Conversation } from './conversation.ts'
import { counted } from './counted.ts'
import { findModel } from './find-model.ts'
import { onInterrupt } from './interrupt.ts'
import { lineSource } from './line-source.ts'
import { LoadProgress, sayGpuProblem } from './load-progress.ts'
import { messageLine } from './message-line.ts'
import { printable } from './printable.ts'
import { checkRunFlags, requestOf, type RunFlags } from './run-options.ts'
import { PlainView, type RunView } from './run-view.ts'
import { settingFacts } from './setting-facts.ts'
import { templateOptions } from './template-options.ts'
import { TerminalView } from './terminal-view.ts'
import { whatItTakes } from './what-it-takes.ts'

export interface ChatFlags extends RunFlags {
  readonly fold?: boolean
}

const defaultModel = 'tiny'
const say = (text: string): void => void process.stderr.write(`${text}\n`)

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
    sayGpuProblem(model, say)
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
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const located = await findModel(signal, (onDownload) => {
    const predictor = flags.predictor === 'none' ? false : flags.predictor
    const { calibration, offline } = flags
    return locateModel(flags.model, { predictor, calibration, ...templates, offline, signal, onDownload })
  })
  if (!located) return undefined
  check(located)
  for (const line of whatItTakes(located, flags, '')) say(line)
  const progress = new LoadProgress(say)
  try {
    const { gpu, gpuLayers, threads } = flags
    const { onTrial, onProgress } = progress
    return { located, model: await loadLocated(located, { gpu, gpuLayers, threads, signal, onTrial, onProgress }) }
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  } finally {
    progress.stop()
  }
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
      say(`${pc.red('!')} ${messageLine(withFlags(error.message))}`)
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
  const { stdout } = process
  if (stdout.isTTY && pc.isColorSupported && process.env['TERM'] !== 'dumb') {
    return new TerminalView(stdout, { showText: true, showThinking, wraps: true })
  }
  return new PlainView({ write: (text) => stdout.write(stdout.isTTY ? printable(text) : text) }, thinkingTags)
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
