/** `--chat-template`, `--template-var` and `--thinking-tags`: the same for every command that renders prompts. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { TemplateOptions } from '../../engine/locate-model.ts'
import { InputError } from '../../errors.ts'
import { ownTemplateVariables } from '../../llama/index.ts'
import { readWholeText } from '../../records/input-file.ts'
import { collect, pair } from './option-values.ts'

/** As commander gives them. */
export interface TemplateFlags {
  readonly chatTemplate?: string
  readonly templateVar?: readonly string[]
  readonly thinkingTags?: readonly [string, string]
}

export function addTemplateOptions(command: Command): Command {
  return command
    .option('--chat-template <file>', 'another chat template than the model’s own: a file, or its text (Jinja)')
    .option('--template-var <name=value>', 'what the template asks for besides; may be repeated', collect)
    .option('--thinking-tags <open close>', 'what opens and closes the thinking (default: told by the template)', pair)
}

const codes = { missing: 'template_not_found', invalid: 'invalid_template' }

/** @throws InputError `template_not_found`, `invalid_template`, `invalid_option` */
export function templateOptions({ chatTemplate, templateVar = [], thinkingTags }: TemplateFlags): TemplateOptions {
  const [open, close] = thinkingTags ?? []
  return {
    ...(open === undefined || close === undefined ? {} : { thinkingTags: { open, close } }),
    ...(chatTemplate === undefined ? {} : { chatTemplate: templateOf(chatTemplate) }),
    ...(templateVar.length === 0 ? {} : { templateVariables: Object.fromEntries(templateVar.map(variableOf)) }),
  }
}

/** What has a tag of Jinja is the template itself; anything else names a file. */
function templateOf(given: string): string {
  if (/\{[{%]/.test(given) && !existsSync(given)) return given
  const text = readWholeText(given, codes)
  if (text.trim() === '')
    throw new InputError(codes.invalid, `${given} is empty: --chat-template takes a Jinja template`)
  return text
}

/** `name=value`; numbers, true, false and null are what they say, anything else is text. */
function variableOf(given: string): [string, unknown] {
  const [, name = '', value = ''] = /^([A-Za-z_]\w*)=(.*)$/s.exec(given) ?? []
  if (name === '') throw new InputError('invalid_option', `--template-var takes name=value, not "${given}"`)
  if (ownTemplateVariables.some((own) => own === name)) {
    throw new InputError('invalid_option', `--template-var ${name}: the template is given ${name} anyway`)
  }
  return [name, /^(true|false|null|-?\d+(\.\d+)?)$/.test(value) ? JSON.parse(value) : value]
}
