import { expect, test } from 'vitest'
import { pieceOf } from './tokens.ts'

test('the piece of a token is text, or its bytes where they are no whole characters', () => {
  const [first, ...rest] = Buffer.from('漢')
  expect(pieceOf(Uint8Array.from([first!, ...rest]))).toBe('漢')
  expect(pieceOf(Uint8Array.from([first!]))).toEqual([0xe6])
  expect(pieceOf(Uint8Array.from(rest))).toEqual([0xbc, 0xa2])
  expect(pieceOf(Uint8Array.from([0x61, first!]))).toEqual([0x61, 0xe6])
  expect(pieceOf(Uint8Array.from(Buffer.from('\ufeffa')))).toBe('\ufeffa')
  expect(pieceOf(new Uint8Array())).toBe('')
})
