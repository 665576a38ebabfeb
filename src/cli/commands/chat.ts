/** `dynts chat`: several turns at a terminal. Only the options stand here; what it does is imported when it is asked for. */
import { Command } from 'commander'
import type { ChatFlags } from '../chat/chat.ts'
import { addAnswerOptions } from '../run/run-options.ts'

export function chatCommand(): Command {
  const command = new Command('chat').argument('[model]', 'the same as --model')
  return addAnswerOptions(command)
    .option('--fold', 'do not show the thinking; /think shows it afterwards')
    .action(async (model: string | undefined, flags: ChatFlags) => {
      const { chat } = await import('../chat/chat.ts')
      await chat(model, { ...flags, samples: 1 })
    })
}
