/** `dynts serve`: an OpenAI-compatible server. Only the options stand here, so that help need not wait for the rest. */
import { Command } from 'commander'
import { addServeOptions, type ServeFlags } from '../serve/serve-options.ts'

export function serveCommand(): Command {
  const command = new Command('serve')
  return addServeOptions(command).action(async (flags: ServeFlags) => {
    const { serve } = await import('../serve/serve.ts')
    await serve(flags)
  })
}
