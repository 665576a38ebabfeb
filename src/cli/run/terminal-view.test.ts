import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeTerminal } from '../../../test/cli/fake-terminal.ts'
import type { GenerateEvent, GenerateResult, StartEvent } from '../../engine/types.ts'
import type { RunView } from './run-view.ts'

// picocolors looks at this once, when it is loaded.
vi.hoisted(() => {
  process.env['FORCE_COLOR'] = '1'
  delete process.env['NO_COLOR']
})
const { TerminalView } = await import('./terminal-view.ts')

const start: StartEvent = {
  type: 'start',
  protect: [],
  policy: 'dynts',
  promptTokens: 10,
  maxTokens: 100,
  seed: 0,
  budget: 320,
  localWindow: 32,
  ratio: 0.5,
  evictEvery: null,
  leaving: 100,
}
const token = (text: string, cells = 160, phase: 'thinking' | 'answer' = 'thinking'): GenerateEvent => {
  return { type: 'token', token: 1, position: 0, phase, text, cells }
}
const finish: GenerateEvent = { type: 'finish', result: {} as GenerateResult }

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  for (const view of views.splice(0)) view.end()
  vi.useRealTimers()
})

const views: RunView[] = []
function viewOn(terminal: FakeTerminal, showText = true): RunView {
  const view = new TerminalView(terminal.stream, { showText })
  views.push(view)
  return view
}

/** Shows texts, one for each token, slowly enough that the live line changes after each. */
function show(terminal: FakeTerminal, texts: readonly string[]): RunView {
  const view = viewOn(terminal)
  view.begin('dynts', 1)
  view.onEvent(0, start)
  for (const text of texts) {
    vi.advanceTimersByTime(1000)
    view.onEvent(0, token(text))
  }
  view.onEvent(0, finish)
  return view
}

/** Text as a terminal of so many columns breaks it into lines. */
function wrapped(text: string, columns: number): string[] {
  return text.split('\n').flatMap((line) => {
    const pieces = line.split('')
    const lines = [pieces.splice(0, columns).join('')]
    while (pieces.length > 0) lines.push(pieces.splice(0, columns).join(''))
    return lines
  })
}

describe('the live line', () => {
  test('is the last row, with cells used of B, evictions and speed', () => {
    const terminal = new FakeTerminal(6, 100)
    const view = viewOn(terminal)
    view.begin('dynts', 1)
    view.onEvent(0, start)
    view.onEvent(0, { type: 'phase', phase: 'thinking' })
    for (let i = 0; i < 8; i++) {
      vi.advanceTimersByTime(250)
      view.onEvent(0, token('ab', 100 + i))
    }
    expect(terminal.screen[0]).toBe('abababababababab')
    expect(terminal.screen.at(-1)).toBe('dynts · ███░░░░░░░ 107 of 320 cells · 0 evictions · 8 tokens · 4.0 tokens/s')
    view.onEvent(0, {
      type: 'eviction',
      step: 8,
      before: 320,
      kept: new Int32Array(220),
      evicted: 100,
      leaving: new Int32Array(100),
      compacted: true,
    })
    expect(terminal.screen.at(-1)).toContain('███████░░░ 220 of 320 cells · 1 eviction')
  })

  test('without a budget there is no bar', () => {
    const terminal = new FakeTerminal(6, 100)
    const view = viewOn(terminal)
    view.begin('full', 1)
    view.onEvent(0, { ...start, budget: null })
    vi.advanceTimersByTime(1000)
    view.onEvent(0, token('a', 50))
    expect(terminal.screen.at(-1)).toBe('full · 50 cells · 0 evictions · 1 token · 1.0 tokens/s')
  })

  test('of several generations: the fullest, how many are running, and no text', () => {
    const terminal = new FakeTerminal(6, 120)
    const view = viewOn(terminal)
    view.begin('dynts', 3)
    for (const index of [0, 1, 2]) view.onEvent(index, start)
    vi.advanceTimersByTime(1000)
    view.onEvent(0, token('secret', 10))
    view.onEvent(1, token('secret', 70))
    view.onEvent(2, finish)
    expect(terminal.screen.slice(0, -1).join('')).toBe('')
    expect(terminal.screen.at(-1)).toMatch(/70 of 320 cells.* 2 tokens .*2 of 3 running/)
  })

  test('is cut to the width, one column short of it', () => {
    const terminal = new FakeTerminal(6, 30)
    show(terminal, ['a'])
    expect(terminal.screen.at(-1)).toHaveLength(29)
  })

  test('is drawn at most ten times a second', () => {
    const terminal = new FakeTerminal(6, 100)
    const view = viewOn(terminal)
    view.begin('dynts', 1)
    view.onEvent(0, start)
    const before = terminal.written.split('\u001B7').length
    for (let i = 0; i < 1000; i++) {
      vi.advanceTimersByTime(1)
      view.onEvent(0, token('x'))
    }
    expect(terminal.written.split('\u001B7').length - before).toBeLessThanOrEqual(10)
  })

  test('a terminal of three rows has no room for it', () => {
    const terminal = new FakeTerminal(3, 40)
    show(terminal, ['one ', 'two']).end()
    expect(terminal.written).not.toMatch(/\d[rH]/)
    expect(terminal.screen).toEqual(['one two', '', ''])
  })
})

describe('the text', () => {
  const line = fc.stringMatching(/^[a-z ]{0,25}$/)
  const texts = fc.array(fc.oneof(line, fc.constant('\n')), { maxLength: 40 })

  test('appears whole and once, however long, while the live line changes below it', () => {
    const size = fc.record({ rows: fc.integer({ min: 4, max: 9 }), columns: fc.integer({ min: 10, max: 24 }) })
    fc.assert(
      fc.property(texts, size, fc.nat(12), (tokens, { rows, columns }, linesBefore) => {
        const terminal = new FakeTerminal(rows, columns)
        terminal.write('$\n'.repeat(linesBefore))
        show(terminal, tokens).end()
        const shown = [...terminal.scrollback, ...terminal.screen].map((row) => row.trimEnd())
        const text = '$\n'.repeat(linesBefore) + tokens.join('')
        const expected = wrapped(text, columns).map((row) => row.trimEnd())
        expect(shown.join('\n').trimEnd()).toBe(expected.join('\n').trimEnd())
        expect(terminal.scrollsWhole).toBe(true)
      }),
    )
  })

  test('appears whole and once while the terminal becomes smaller and larger', () => {
    const rows = fc.integer({ min: 4, max: 9 })
    fc.assert(
      fc.property(fc.array(fc.tuple(texts, rows), { maxLength: 4 }), rows, (parts, rowsBefore) => {
        const terminal = new FakeTerminal(rowsBefore, 10)
        const view = viewOn(terminal)
        view.begin('dynts', 1)
        view.onEvent(0, start)
        for (const [tokens, rows] of parts) {
          for (const text of tokens) {
            vi.advanceTimersByTime(1000)
            view.onEvent(0, token(text))
          }
          terminal.resize(rows)
        }
        view.end()
        const shown = [...terminal.scrollback, ...terminal.screen].map((row) => row.trimEnd())
        const text = parts.flatMap(([tokens]) => tokens).join('')
        const expected = wrapped(text, 10).map((row) => row.trimEnd())
        expect(shown.join('\n').trimEnd()).toBe(expected.join('\n').trimEnd())
        expect(terminal.scrollsWhole).toBe(true)
      }),
    )
  })

  test('thinking is dimmed, the answer is plain', () => {
    const terminal = new FakeTerminal(6, 40)
    const view = viewOn(terminal)
    view.begin('dynts', 1)
    view.onEvent(0, start)
    view.onEvent(0, token('hmm', 10, 'thinking'))
    view.onEvent(0, token('yes', 11, 'answer'))
    expect(terminal.written).toContain('\u001B[2mhmm\u001B[22m')
    expect(terminal.written).toMatch(/\u001B\[22myes$/)
  })

  test('control characters of the model do not reach the terminal', () => {
    const terminal = new FakeTerminal(6, 40)
    const hostile = 'a\u001B[2J\u001B]0;title\u0007b\rc\u0008d\u009B31me\u0000f\u007Fg'
    show(terminal, [hostile]).end()
    expect(terminal.screen[0]).toBe('a[2J]0;titlebcd31mefg')
  })

  test('nothing is drawn while the text ends at the right margin', () => {
    const terminal = new FakeTerminal(6, 10)
    const view = show(terminal, ['0123456789'])
    const written = terminal.written.length
    vi.advanceTimersByTime(1000)
    view.onEvent(0, token(''))
    expect(terminal.written.length).toBe(written)
    view.onEvent(0, token('x'))
    expect(terminal.screen.slice(0, 2)).toEqual(['0123456789', 'x'])
  })

  test('is not shown where only progress is wanted', () => {
    const terminal = new FakeTerminal(6, 80)
    const view = viewOn(terminal, false)
    view.begin('full', 1)
    view.onEvent(0, start)
    vi.advanceTimersByTime(1000)
    view.onEvent(0, token('secret'))
    view.end()
    expect(terminal.written).not.toContain('secret')
    expect(terminal.screen.join('')).toBe('')
  })
})

describe('the scroll region', () => {
  test('leaves the last row out while it runs, and is released at the end', () => {
    const terminal = new FakeTerminal(8, 40)
    const view = show(terminal, ['text'])
    expect(terminal.written).toContain('\u001B[1;7r')
    expect(terminal.scrollsWhole).toBe(false)
    view.end()
    expect(terminal.scrollsWhole).toBe(true)
    expect(terminal.screen.at(-1)).toBe('')
    expect(terminal.listenerCount('resize')).toBe(0)
    const written = terminal.written.length
    view.end()
    view.onEvent(0, token('late'))
    expect(terminal.written.slice(written)).not.toMatch(/\d[rH]/)
  })

  test('follows the size of the terminal', () => {
    const terminal = new FakeTerminal(8, 40)
    const view = show(terminal, ['text'])
    terminal.resize(6)
    expect(terminal.written).toContain('\u001B[1;5r')
    view.end()
    expect(terminal.scrollsWhole).toBe(true)
  })

  test('is released when the process ends early', () => {
    const terminal = new FakeTerminal(8, 40)
    const before = process.listeners('exit')
    show(terminal, ['text'])
    const [release] = process.listeners('exit').filter((listener) => !before.includes(listener))
    release?.(130)
    expect(terminal.scrollsWhole).toBe(true)
    expect(terminal.screen.at(-1)).toBe('')
  })
})
