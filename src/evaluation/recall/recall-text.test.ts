import { describe, expect, test } from 'vitest'
import { recallText } from './recall-text.ts'

const texts = Array.from({ length: 50 }, (_, seed) => recallText(seed, { before: 60, after: 80 }))
const sentencesOf = ({ before, after }: (typeof texts)[number]) => [...before, ...after].map((one) => one.trim())

describe('recallText', () => {
  test('states its fact once, and nobody else has as much', () => {
    for (const text of texts) {
      const whole = [text.opening, ...text.before, ` ${text.statement}.`, ...text.after].join('')
      expect(text.statement).toBe(`${text.cue} ${text.value}`)
      expect(whole.split(text.statement)).toHaveLength(2)
      expect(whole.split(text.cue)).toHaveLength(2)
      expect(text.question).not.toContain(text.cue.replace(' =', ''))
      expect(sentencesOf(text).filter((one) => /^[A-Z]/.test(one) && one.endsWith(` = ${text.value}.`))).toEqual([])
    }
  })

  test('says of others what they have once each, and sums that are true', () => {
    for (const text of texts) {
      const people = sentencesOf(text).flatMap((one) => /^([A-Z]\w+) = \d+\.$/.exec(one)?.[1] ?? [])
      expect(people.length).toBeGreaterThan(10)
      expect(new Set(people).size).toBe(people.length)
      const sums = sentencesOf(text).filter((one) => !/^[A-Z]/.test(one))
      for (const sum of sums) {
        const [, a, sign, b, result] = /^(\d+) ([+-]) (\d+) = (\d+)\.$/.exec(sum) ?? []
        expect(sign === '+' ? Number(a) + Number(b) : Number(a) - Number(b), sum).toBe(Number(result))
      }
      expect(sums.length + people.length).toBe(140)
    }
  })

  test('is the same however many sentences, and on every machine', () => {
    const short = recallText(7, { before: 3, after: 2 })
    expect(texts[7]?.before.slice(0, 3)).toEqual(short.before)
    expect(texts[7]?.after.slice(0, 2)).toEqual(short.after)
    expect(short).toEqual({
      question: 'Who has how many coins? Note what each person has.',
      opening: 'Okay, so I note what each person has.',
      before: [' 3 + 28 = 31.', ' 43 - 8 = 35.', ' Vera = 26.'],
      statement: 'Ava = 42',
      after: [' 8 + 28 = 36.', ' 4 + 6 = 10.'],
      cue: 'Ava =',
      value: '42',
    })
    expect(new Set(texts.map(({ statement }) => statement)).size).toBeGreaterThan(40)
  })
})
