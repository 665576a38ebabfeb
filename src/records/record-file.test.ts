import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { scratch } from '../../test/support/scratch.ts'
import { noLock } from '../../test/support/no-lock.ts'
import { z } from 'zod'
import { InputError } from '../errors.ts'
import { withFileLock } from './file-lock.ts'
import { mostLineBytes, readLines } from './lines.ts'
import { readRecords } from './read-records.ts'
import { RecordFile } from './record-file.ts'

/** Takes half of what is appended. */
const fullDisk = vi.hoisted(() => ({ isFull: false }))
const synced = vi.hoisted(() => ({ times: 0 }))
vi.mock('node:fs', async (original) => {
  const fs = await original<{ appendFileSync: typeof appendFileSync; fsyncSync: (file: number) => void }>()
  const fsyncSync = (file: number) => {
    synced.times++
    fs.fsyncSync(file)
  }
  const append = (file: number, text: string) => {
    fs.appendFileSync(file, fullDisk.isFull ? text.slice(0, text.length / 2) : text)
    if (fullDisk.isFull) throw Object.assign(new Error('no space left'), { code: 'ENOSPC', syscall: 'write' })
  }
  return { ...fs, appendFileSync: append, fsyncSync }
})

const schema = z.object({ id: z.string(), value: z.number() })
const format = { schema, keyOf: (record: z.infer<typeof schema>) => record.id }
const options = { ...format, lock: noLock }
const fresh = () => join(mkdtempSync(join(scratch, 'dynts-records-')), 'sub', 'records.jsonl')

describe('a record file', () => {
  test('keeps what was added, also for the next process, and nothing twice', () => {
    const path = fresh()
    const first = RecordFile.open(path, options)
    expect(first.add({ id: 'a', value: 1 })).toBe(true)
    expect(first.add({ id: 'a', value: 2 })).toBe(false)
    first.add({ id: 'b', value: 3 })
    const second = RecordFile.open(path, options)
    expect([...readRecords(path, format)]).toEqual([
      { id: 'a', value: 1 },
      { id: 'b', value: 3 },
    ])
    expect([second.has('a'), second.has('c')]).toEqual([true, false])
  })

  test('goes on behind the last whole line, wherever a kill has cut the file', () => {
    const path = fresh()
    const whole = RecordFile.open(path, options)
    for (const id of ['ä', 'b', 'c']) whole.add({ id, value: 1 })
    const bytes = readFileSync(path)
    for (let cut = 0; cut <= bytes.length; cut++) {
      writeFileSync(path, bytes.subarray(0, cut))
      const resumed = RecordFile.open(path, options)
      for (const id of ['ä', 'b', 'c']) resumed.add({ id, value: 1 })
      expect(readFileSync(path)).toEqual(bytes)
    }
  })

  test('has no part of a record that a full disk has cut, not even of the first', () => {
    const path = fresh()
    const file = RecordFile.open(path, options)
    for (const [id, before] of [
      ['a', ''],
      ['b', '{"id":"a","value":1}\n'],
    ] as const) {
      fullDisk.isFull = true
      expect(() => file.add({ id, value: 1 })).toThrow(/records\.jsonl cannot be written: the disk is full\. Make room/)
      expect(readFileSync(path, 'utf8')).toBe(before)
      fullDisk.isFull = false
      expect(file.add({ id, value: 1 })).toBe(true)
    }
    expect([...readRecords(path, format)].map(({ id }) => id)).toEqual(['a', 'b'])
  })

  test('says which line is no record', () => {
    const path = fresh()
    RecordFile.open(path, options).add({ id: 'a', value: 1 })
    appendFileSync(path, '{"id":"b"}\n')
    expect(() => RecordFile.open(path, options)).toThrow(InputError)
    expect(() => RecordFile.open(path, options)).toThrow(
      /line 2, is damaged or of another kind: the field value is missing\. If it is the right file, delete this line/,
    )
    for (const [line, why] of [
      ['{"id":"b","val', 'it is no JSON object'],
      ['[1]', 'it is no JSON object'],
      ['null', 'it is no JSON object'],
      ['{"id":"b","value":"1"}', 'the field value is wrong \\(expected number\\)'],
    ] as const) {
      writeFileSync(path, `{"id":"a","value":1}\n${line}\n`)
      expect(() => RecordFile.open(path, options)).toThrow(new RegExp(`line 2, .*: ${why}\\.`))
      expect(() => [...readRecords(path, format)]).toThrow(new RegExp(`line 2, .*: ${why}\\.`))
    }
  })

  test('removes nothing from a file that is something else', () => {
    const path = fresh()
    RecordFile.open(path, options)
    for (const text of [
      'my only notes',
      '{"id": 1}',
      '[1]',
      'GGUF\n\u0000\u0001',
      '{\n  "id": "a"',
      '{"id":"b"}\n{"id":',
    ]) {
      writeFileSync(path, text)
      expect(() => RecordFile.open(path, options)).toThrow(/line 1, is damaged or of another kind/)
      expect(readFileSync(path, 'utf8')).toBe(text)
    }
    expect(() => RecordFile.open(join(path, '..'), options)).toThrow(/is a folder/)
  })

  test('writes nothing more when its lock is lost', async () => {
    const path = fresh()
    const lost = withFileLock(`${path}.lock`, {}, (lock) => {
      const file = RecordFile.open(path, { ...format, lock })
      file.add({ id: 'a', value: 1 })
      rmSync(`${path}.lock`)
      file.add({ id: 'b', value: 2 })
      return Promise.resolve()
    })
    await expect(lost).rejects.toMatchObject({ name: 'EngineError', code: 'lock_lost' })
    expect(readFileSync(path, 'utf8')).toBe('{"id":"a","value":1}\n')
  })

  test('is on the disk a second after a record, and when its lock is released', async () => {
    const path = fresh()
    vi.useFakeTimers()
    try {
      await withFileLock(`${path}.lock`, { staleMs: 1e6 }, (lock) => {
        const file = RecordFile.open(path, { ...format, lock })
        synced.times = 0
        file.add({ id: 'a', value: 1 })
        file.add({ id: 'b', value: 1 })
        vi.advanceTimersByTime(1000)
        expect(synced.times).toBe(1)
        file.add({ id: 'c', value: 1 })
        return Promise.resolve()
      })
      expect(synced.times).toBe(2)
    } finally {
      vi.useRealTimers()
    }
  })

  test('shows a record that two merged files both hold once', () => {
    const path = fresh()
    RecordFile.open(path, options).add({ id: 'a', value: 1 })
    appendFileSync(path, '{"id":"a","value":1}\n{"id":"b","value":2}\n')
    const seen: string[] = []
    RecordFile.open(path, { ...options, onExisting: ({ id }) => seen.push(id) })
    expect(seen).toEqual(['a', 'b'])
  })

  test('puts an old file aside when a new one is asked for', () => {
    const path = fresh()
    RecordFile.open(path, options).add({ id: 'a', value: 1 })
    expect(RecordFile.open(path, { ...options, fresh: true }).has('a')).toBe(false)
    expect(readdirSync(join(path, '..')).filter((name) => name.includes('.until-'))).toHaveLength(1)
  })
})

test('lines are those of the text, whatever their length', () => {
  const path = fresh()
  RecordFile.open(path, options)
  const parts = fc.array(fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.constant('x'.repeat(700_000))), {
    maxLength: 6,
  })
  fc.assert(
    fc.property(parts, (texts) => {
      const text = texts.map((part) => part.replaceAll('\n', '')).join('\n')
      writeFileSync(path, text)
      const lines = [...readLines(path)]
      expect(lines.map((line) => line.text)).toEqual(text === '' ? [] : text.replace(/\n$/, '').split('\n'))
      expect(lines.at(-1)?.end ?? 0).toBe(Buffer.byteLength(text))
    }),
    { numRuns: 50 },
  )
})

test('of two records of a key the first counts', () => {
  const path = fresh()
  mkdirSync(dirname(path))
  writeFileSync(path, '{"id":"a","value":1}\n{"id":"b","value":2}\n{"id":"a","value":3}\n')
  expect([...readRecords(path, format)].map(({ value }) => value)).toEqual([1, 2])
})

test('a byte order mark is no part of a text, UTF-16 is refused', () => {
  const path = fresh()
  mkdirSync(dirname(path))
  writeFileSync(path, '\uFEFF{"id":"a","value":1}\n')
  expect([...readRecords(path, format)]).toEqual([{ id: 'a', value: 1 }])
  writeFileSync(path, Buffer.from('\uFEFF{"id":"a","value":1}\n', 'utf16le'))
  expect(() => [...readRecords(path, format)]).toThrow(/is text in UTF-16\. Save it as UTF-8/)
})

test('a line that no text can hold is refused in one line', () => {
  const path = fresh()
  mkdirSync(dirname(path))
  writeFileSync(path, '{"id":"a","value":1}\n')
  truncateSync(path, mostLineBytes + 2 ** 21)
  expect(() => [...readRecords(path, format)]).toThrow(/line 2, is longer than 256 MiB/)
})
