import { Command } from 'commander'
import { expect, test } from 'vitest'
import { namedCommand } from './command-words.ts'

const program = new Command('dynts')
  .addCommand(new Command('run').argument('[question]'))
  .addCommand(new Command('eval').addCommand(new Command('merge')).addCommand(new Command('summary')))

test.each([
  ['help', '--help'],
  ['help run', 'run --help'],
  ['help eval merge', 'eval merge --help'],
  ['help eval --help', 'eval --help'],
  ['eval help merge', 'eval merge --help'],
  ['eval help', 'eval --help'],
  ['run help me', 'run help me'],
  ['eval --task help', 'eval --task help'],
  ['--version help', '--version help'],
  ['', ''],
])('%s becomes %s', (given, becomes) => {
  expect(namedCommand(program, given.split(' ').filter(Boolean)).join(' ')).toBe(becomes)
})

test.each([
  ['help evl', "unknown command 'evl'. Did you mean eval?"],
  ['evl --task chain', "unknown command 'evl'. Did you mean eval?"],
  ['eval help sumary', "unknown command 'sumary'. Did you mean summary?"],
  ['help eval merg', "unknown command 'merg'. Did you mean merge?"],
  ['eval sumary FOLDER', "unknown command 'sumary'. Did you mean summary?"],
  ['help run merge', "unknown command 'merge'. dynts run has none of its own."],
  ['help xyzzy', "unknown command 'xyzzy'. dynts --help lists those that there are."],
])('%s is refused', (given, message) => {
  expect(() => namedCommand(program, given.split(' '))).toThrow(message)
})
