/** Puzzles, solved from their text alone by trying everything: nothing of what made them is used. */
import { describe, expect, test } from 'vitest'
import { knightsPuzzle } from './knights.ts'
import { linePuzzle } from './line.ts'

const seeds = Array.from({ length: 60 }, (_, seed) => seed)

/** What somebody says, of who is a knight. */
function claimOf(text: string): (knights: ReadonlySet<string>) => boolean {
  const rules: [RegExp, (knights: ReadonlySet<string>, first: string, second: string) => boolean][] = [
    [/^(\w+) is a knight\.$/, (knights, who) => knights.has(who)],
    [/^(\w+) is a knave\.$/, (knights, who) => !knights.has(who)],
    [/^Exactly (\d) of us (?:is a knight|are knights)\.$/, (knights, count) => knights.size === Number(count)],
    [/^(\w+) and (\w+) are of the same kind\.$/, (knights, a, b) => knights.has(a) === knights.has(b)],
    [/^(\w+) and (\w+) are of different kinds\.$/, (knights, a, b) => knights.has(a) !== knights.has(b)],
    [/^At least one of (\w+) and (\w+) is a knight\.$/, (knights, a, b) => knights.has(a) || knights.has(b)],
    [/^At least one of (\w+) and (\w+) is a knave\.$/, (knights, a, b) => !(knights.has(a) && knights.has(b))],
    [/^If (\w+) is a knight, then (\w+) is a knight\.$/, (knights, a, b) => !knights.has(a) || knights.has(b)],
  ]
  for (const [pattern, means] of rules) {
    const [match, first = '', second = ''] = pattern.exec(text) ?? []
    if (match !== undefined) return (knights) => means(knights, first, second)
  }
  throw new Error(`nobody says: ${text}`)
}

function solveKnights(question: string): string[][] {
  const said = [...question.matchAll(/^(\w+) says: "(.+)"$/gm)].map(([, who = '', text = '']) => ({
    who,
    claim: claimOf(text),
  }))
  const subsets = said.reduce<string[][]>((all, { who }) => [...all, ...all.map((one) => [...one, who])], [[]])
  return subsets.filter((subset) => {
    const knights = new Set(subset)
    return said.every(({ who, claim }) => claim(knights) === knights.has(who))
  })
}

const places = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh']

/** What a clue says, of the line from the left. */
function clueOf(text: string): (line: readonly string[]) => boolean {
  const gap = (line: readonly string[], a: string, b: string) => Math.abs(line.indexOf(a) - line.indexOf(b))
  const rules: [RegExp, (line: readonly string[], first: string, second: string, third: string) => boolean][] = [
    [/^(\w+) stands somewhere to the left of (\w+)\.$/, (line, a, b) => line.indexOf(a) < line.indexOf(b)],
    [/^(\w+) and (\w+) stand next to each other\.$/, (line, a, b) => gap(line, a, b) === 1],
    [/^(\w+) and (\w+) do not stand next to each other\.$/, (line, a, b) => gap(line, a, b) > 1],
    [/^Exactly one person stands between (\w+) and (\w+)\.$/, (line, a, b) => gap(line, a, b) === 2],
    [/^Exactly (\d) people stand between (\w+) and (\w+)\.$/, (line, n, a, b) => gap(line, a, b) === Number(n) + 1],
    [/^(\w+) does not stand at an end\.$/, (line, a) => line[0] !== a && line.at(-1) !== a],
    [/^(\w+) is (\w+) from the left\.$/, (line, a, place) => line[places.indexOf(place)] === a],
  ]
  for (const [pattern, means] of rules) {
    const [match, first = '', second = '', third = ''] = pattern.exec(text) ?? []
    if (match !== undefined) return (line) => means(line, first, second, third)
  }
  throw new Error(`no clue: ${text}`)
}

function solveLine(names: readonly string[], clues: readonly ReturnType<typeof clueOf>[]): string[][] {
  const lines = (left: readonly string[]): string[][] =>
    left.length === 0
      ? [[]]
      : left.flatMap((name) => lines(left.filter((one) => one !== name)).map((rest) => [name, ...rest]))
  return lines(names).filter((line) => clues.every((clue) => clue(line)))
}

describe('knights and knaves', () => {
  test('have one solution, by trying all', () => {
    const kinds = new Set<string>()
    for (const seed of seeds) {
      const { question, answer } = knightsPuzzle(seed)
      expect(solveKnights(question), question).toEqual([answer])
      for (const [, text = ''] of question.matchAll(/ says: "(.+)"$/gm)) kinds.add(text.replace(/[A-Z]\w+|\d/g, ''))
    }
    expect(kinds.size).toBeGreaterThanOrEqual(8)
  })

  test('are the same on every machine', () => {
    expect(knightsPuzzle(1)).toEqual({
      question: [
        'On an island everybody is either a knight, who always tells the truth, or a knave, who always lies. You meet Ava, Olga, Zoe, Yara, Hana and Paul.',
        'Ava says: "At least one of Yara and Paul is a knight."',
        'Olga says: "Yara and Ava are of the same kind."',
        'Zoe says: "Olga and Ava are of the same kind."',
        'Yara says: "Ava and Zoe are of the same kind."',
        'Hana says: "At least one of Olga and Ava is a knave."',
        'Paul says: "Zoe is a knight."',
        'Who are the knights?',
      ].join('\n'),
      answer: ['Ava', 'Olga', 'Zoe', 'Yara', 'Paul'],
    })
  })
})

describe('people in a line', () => {
  test('have one solution, by trying all, and no clue to spare', () => {
    for (const seed of seeds) {
      const { question, answer } = linePuzzle(seed)
      const clues = [...question.matchAll(/^- (.+)$/gm)].map(([, text = '']) => clueOf(text))
      const names = [...answer].sort()
      expect(question).toMatch(/^[\w, ]+ and \w+ stand in a line/)
      for (const name of names) expect(question.split('\n', 1)[0]).toContain(name)
      expect(solveLine(names, clues), question).toEqual([answer])
      for (const clue of clues) {
        expect(
          solveLine(
            names,
            clues.filter((one) => one !== clue),
          ).length,
          question,
        ).toBeGreaterThan(1)
      }
    }
  })

  test('are the same on every machine', () => {
    expect(linePuzzle(1)).toEqual({
      question: [
        'Ava, Olga, Zoe, Yara, Hana and Paul stand in a line, side by side.',
        '- Olga does not stand at an end.',
        '- Ava stands somewhere to the left of Yara.',
        '- Exactly 2 people stand between Hana and Olga.',
        '- Hana stands somewhere to the left of Ava.',
        '- Olga stands somewhere to the left of Ava.',
        '- Paul is third from the left.',
        'In which order do they stand, from left to right?',
      ].join('\n'),
      answer: ['Hana', 'Zoe', 'Paul', 'Olga', 'Ava', 'Yara'],
    })
  })
})
