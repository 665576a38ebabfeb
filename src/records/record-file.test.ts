import { appendFileSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { InputError } from '../errors.ts'
import { readLines } from './lines.ts'
import { RecordFile } from './record-file.ts'

/** Takes half of what is appended. */
const fullDisk = vi.hoisted(() => ({ isFull: false }))
vi.mock('node:fs', async (original) => {
  const fs = await original<{ appendFileSync: typeof appendFileSync }>()
  const append = (path: string, text: string) => {
    fs.appendFileSync(path, fullDisk.isFull ? text.slice(0, text.length / 2) : text)
    if (fullDisk.isFull) throw new Error('ENOSPC: no space left on device')
  }
  return { ...fs, appendFileSync: append }
})

const schema = z.object({ id: z.string(), value: z.number() })
const options = { schema, keyOf: (record: z.infer<typeof schema>) => record.id }
const fresh = () => join(mkdtempSync(join(tmpdir(), 'dynts-records-')), 'sub', 'records.jsonl')

describe('a record file', () => {
  test('keeps what was added, also for the next process, and nothing twice', () => {
    const path = fresh()
    const first = RecordFile.open(path, options)
    expect(first.add({ id: 'a', value: 1 })).toBe(true)
    expect(first.add({ id: 'a', value: 2 })).toBe(false)
    first.add({ id: 'b', value: 3 })
    const second = RecordFile.open(path, options)
    expect([...second.values()]).toEqual([
      { id: 'a', value: 1 },
      { id: 'b', value: 3 },
    ])
    expect([second.size, second.has('a'), second.has('c')]).toEqual([2, true, false])
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
      expect(() => file.add({ id, value: 1 })).toThrow('ENOSPC')
      expect(readFileSync(path, 'utf8')).toBe(before)
      fullDisk.isFull = false
      expect(file.add({ id, value: 1 })).toBe(true)
    }
    expect([...file.values()].map(({ id }) => id)).toEqual(['a', 'b'])
  })

  test('says which line is no record', () => {
    const path = fresh()
    RecordFile.open(path, options).add({ id: 'a', value: 1 })
    appendFileSync(path, '{"id":"b"}\n')
    expect(() => RecordFile.open(path, options)).toThrow(InputError)
    expect(() => RecordFile.open(path, options)).toThrow(/line 2, is not as expected: value/)
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
      expect(() => RecordFile.open(path, options)).toThrow(/line 1, is not as expected/)
      expect(readFileSync(path, 'utf8')).toBe(text)
    }
    expect(() => RecordFile.open(join(path, '..'), options)).toThrow(/is a folder/)
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
    expect(RecordFile.open(path, { ...options, fresh: true }).size).toBe(0)
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
