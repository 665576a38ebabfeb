/** What a chat understands besides questions: lines that begin with a slash. */
import { existsSync } from 'node:fs'
import pc from 'picocolors'
import { didYouMean } from '../../did-you-mean.ts'
import { InputError } from '../../errors.ts'
import { writeFileAtomic } from '../../records/atomic-file.ts'
import { choosePolicies, type PolicyFlags } from '../options/chosen-policies.ts'
import type { Conversation } from './conversation.ts'
import { printable } from '../output/printable.ts'

/** What a command works on. */
export interface ChatContext {
  readonly conversation: Conversation
  readonly flags: PolicyFlags
  readonly model: string
  readonly say: (text: string) => void
  /** Whether the thinking is shown as it comes. */
  showsThinking: boolean
  /** Asks a question as if it had been typed. */
  readonly ask: (question: string) => Promise<void>
}

interface ChatCommand {
  readonly name: string
  /** What follows the name; empty: nothing. */
  readonly takes: string
  readonly summary: string
  /** @returns `quit` ends the chat */
  readonly run: (given: string, context: ChatContext) => unknown
}

export const chatCommands: readonly ChatCommand[] = [
  {
    name: 'help',
    takes: '',
    summary: 'this list',
    run: (_, { say }) => say(helpText()),
  },
  {
    name: 'policy',
    takes: '[NAME]',
    summary: 'which policy evicts; without a name: the model’s default',
    run: async (given, { conversation, flags, say }) => {
      const [policy] = given === '' ? [] : choosePolicies([given], flags)
      const isUnbounded = policy?.definition.evicts === false
      const settings = { ...conversation.settings, policy, ...(isUnbounded ? { budget: undefined } : {}) }
      const plan = await conversation.change(settings)
      say(`policy ${policy?.title ?? `${plan.policy}, the default`}${isUnbounded ? ': nothing is evicted' : ''}`)
    },
  },
  {
    name: 'budget',
    takes: '[CELLS]',
    summary: 'most cells that are held; without a number: the default',
    run: async (given, { conversation, say }) => {
      const budget = given === '' ? undefined : wholeNumber(given)
      const { policy } = conversation.settings
      if (budget !== undefined && policy?.definition.evicts === false) {
        throw new InputError('invalid_option', `under ${policy.title} nothing is evicted: a budget has no effect`)
      }
      await conversation.change({ ...conversation.settings, budget })
      say(budget === undefined ? 'budget by default' : `budget ${budget}`)
    },
  },
  {
    name: 'fold',
    takes: '',
    summary: 'hides the thinking as it comes, or shows it again',
    run: (_, context) => {
      context.showsThinking = !context.showsThinking
      context.say(context.showsThinking ? 'thinking is shown' : 'thinking is hidden; /think shows it afterwards')
    },
  },
  {
    name: 'think',
    takes: '',
    summary: 'shows the thinking of the last answer',
    run: (_, { conversation, say }) => {
      const last = conversation.turns.at(-1)
      if (!last) throw nothingAsked()
      say(last.result.thinking === '' ? 'there was no thinking' : pc.dim(printable(last.result.thinking)))
    },
  },
  {
    name: 'retry',
    takes: '',
    summary: 'asks the last question once more, with another seed',
    run: async (_, { conversation, ask }) => {
      const last = conversation.takeBack()
      if (!last) throw nothingAsked()
      await ask(last.question)
    },
  },
  {
    name: 'new',
    takes: '',
    summary: 'begins a new conversation',
    run: (_, { conversation, say }) => {
      conversation.clear()
      say('a new conversation')
    },
  },
  {
    name: 'save',
    takes: 'FILE',
    summary: 'writes the conversation as JSON',
    run: (given, { conversation, model, say }) => {
      if (given === '') throw new InputError('invalid_option', '/save needs a file')
      if (existsSync(given)) throw new InputError('invalid_output', `${given} exists already: give another name`)
      const content = { schema: 'dynts.chat/1', model, messages: conversation.messages, turns: conversation.turns }
      writeFileAtomic(given, `${JSON.stringify(content, null, 2)}\n`)
      say(`written to ${given}`)
    },
  },
  { name: 'quit', takes: '', summary: 'ends the chat, as Ctrl-D does', run: () => 'quit' },
]

/**
 * Carries out a line that begins with a slash.
 * @returns whether the chat goes on
 * @throws InputError `unknown_command`, and what the command throws
 */
export async function runChatCommand(line: string, context: ChatContext): Promise<boolean> {
  const [, name = '', given = ''] = /^\/(\S*)\s*(.*?)\s*$/s.exec(line) ?? []
  const command = chatCommands.find((one) => one.name === name)
  if (!command) {
    const known = chatCommands.map((one) => one.name)
    throw new InputError('unknown_command', `there is no /${name}.${didYouMean(name, known)} /help lists what there is`)
  }
  if (command.takes === '' && given !== '') throw new InputError('invalid_option', `/${name} takes nothing behind it`)
  return (await command.run(given, context)) !== 'quit'
}

function helpText(): string {
  const rows = chatCommands.map(({ name, takes, summary }) => [`/${name}${takes === '' ? '' : ` ${takes}`}`, summary])
  const width = Math.max(...rows.map(([name = '']) => name.length))
  const lines = rows.map(([name = '', summary = '']) => `${name.padEnd(width)}  ${summary}`)
  return [
    ...lines,
    'Ctrl-C ends an answer, twice in an empty line the chat; a line that ends with \\ goes on in the next.',
  ].join('\n')
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InputError('invalid_option', `a budget is a whole number, not ${text}`)
  return Number(text)
}

function nothingAsked(): InputError {
  return new InputError('invalid_option', 'nothing has been answered yet')
}
