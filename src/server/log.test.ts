import { expect, test } from 'vitest'
import { Log, type LogLevel } from './log.ts'

test.each<[LogLevel, string[]]>([
  ['info', ['error', 'warn', 'info']],
  ['warn', ['error', 'warn']],
  ['error', ['error']],
  ['silent', []],
])('at level %s there are lines of %j', (level, levels) => {
  const lines: string[] = []
  const log = new Log(level, false, (line) => lines.push(line))
  for (const one of ['error', 'warn', 'info'] as const) log[one](`an ${one}`, { text: 'a\nb' })
  expect(lines.map((line) => JSON.parse(line) as object)).toEqual(
    levels.map((one) => ({ time: expect.any(String) as string, level: one, msg: `an ${one}`, text: 'a\nb' })),
  )
  expect(lines.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true)
})
