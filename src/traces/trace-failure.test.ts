import { expect, test } from 'vitest'
import { EngineError, InputError } from '../errors.ts'
import { samplingFailure } from './trace-failure.ts'

const kept = { output: 't.jsonl', recorded: 3, total: 9, resume: true }
const systemError = (code: string) => Object.assign(new Error(`${code}: as asked`), { code, syscall: 'write' })

test('a failure of the source says what is kept, and that the same command goes on', () => {
  const failure = samplingFailure(new EngineError('endpoint_failed', 'It is gone.'), kept)
  expect(failure).toBeInstanceOf(EngineError)
  expect(failure).toMatchObject({
    code: 'endpoint_failed',
    message: 'It is gone. 3 of 9 samples are recorded in t.jsonl; the same command goes on from there.',
  })
  const anew = samplingFailure(new EngineError('endpoint_failed', 'It is gone.'), { ...kept, resume: false })
  expect(anew).toMatchObject({
    message: expect.stringMatching(/the same command without `resume: false` goes on/) as string,
  })
})

test('bad input does not promise that', () => {
  const error = new InputError('no_thinking', 'It does not think.')
  expect(samplingFailure(error, kept)).toMatchObject({
    code: 'no_thinking',
    message: 'It does not think. 3 of 9 samples are recorded in t.jsonl.',
  })
  expect(samplingFailure(error, { ...kept, recorded: 0 })).toBe(error)
})

test('a full disk says what is kept as well', () => {
  expect(samplingFailure(systemError('ENOSPC'), kept)).toMatchObject({
    name: 'InputError',
    code: 'disk_full',
    message:
      't.jsonl cannot be written: the disk is full. Make room, or give another `output`. 3 of 9 samples are recorded in t.jsonl.',
  })
})

test('a bug stays a bug', () => {
  const bug = new TypeError('x is undefined')
  expect(samplingFailure(bug, kept)).toBe(bug)
})
