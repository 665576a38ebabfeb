/** What `--chat-template` and `--template-var` mean. */
import { existsSync } from 'node:fs'
import type { LoadModelOptions } from '../engine/model.ts'
import { InputError } from '../errors.ts'
import { ownTemplateVariables } from '../llama/index.ts'
import { readWholeText } from '../records/input-file.ts'
import type { RunFlags } from './run-options.ts'

const codes = { missing: 'template_not_found', invalid: 'invalid_template' }

/** @throws InputError `template_not_found`, `invalid_template`, `invalid_option` */
export function templateOptions({
  chatTemplate,
  templateVar = [],
}: Pick<RunFlags, 'chatTemplate' | 'templateVar'>): Pick<LoadModelOptions, 'chatTemplate' | 'templateVariables'> {
  return {
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
