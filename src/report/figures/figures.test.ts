import { describe, expect, test } from 'vitest'
import { policyNames } from '../../eviction/registry.ts'
import type { ConfigurationSummary } from '../../evaluation/run/summarise.ts'
import { figures } from '../registry.ts'
import { besides, policyLooks } from '../theme.ts'
import { configuration, evaluation, full, nothing, sources } from './sources.fake.ts'
import { drawFigure, pictureCsv, reportPage, standaloneSvg } from '../report-page.ts'

const pictureOf = (name: string) => figures.find((figure) => figure.name === name)!.pictures(sources)[0]!

describe('every figure', () => {
  test.each(figures)('$name: is drawn from its sources, and from nothing there is nothing', async (figure) => {
    expect(figure.pictures(nothing)).toEqual([])
    const { pictures } = await drawFigure(figure, figure.pictures(sources))
    expect(pictures.length).toBeGreaterThan(0)
    for (const picture of pictures) {
      expect(picture.svg).toMatch(/^<svg[^>]* viewBox=/)
      expect(picture.svg).not.toContain('undefined')
      expect(picture.settings).toContain('a model')
      expect(picture.description).not.toMatch(/NaN|undefined/)
      expect(standaloneSvg(picture)).not.toContain('currentColor')
      expect(standaloneSvg(picture)).toMatch(/^<svg[^>]* role="img"><title>[^<]{20,}<\/title><rect /)
      // One thing with one description: no mark of it has a name of its own.
      expect(picture.svg).not.toMatch(/ (?:role|aria-\w+)=/)
      expect(pictureCsv(picture).trim().split('\n')).toHaveLength(picture.rows.length + 1)
    }
  })

  test('has its own name and title', () => {
    expect(new Set(figures.map(({ name }) => name)).size).toBe(figures.length)
    expect(new Set(figures.map(({ title }) => title)).size).toBe(figures.length)
  })
})

test('rows have the values of the summary, in percent where the axis says so', () => {
  expect(pictureOf('accuracy').rows[0]).toMatchObject({ policy: 'full', n: 50, 'Pass@1': 95, 'mean cells': 400 })
  expect(pictureOf('accuracy').rows[1]).toMatchObject({ policy: 'dynts', 'Pass@1 low': 81, 'Pass@1 high': 99 })
  expect(pictureOf('throughput').rows[0]).toEqual({ policy: 'dynts', B: 320, wall: 1.5, authors: 2 })
  expect(pictureOf('budget-sweep').rows.map(({ B, 'Pass@1': pass }) => [B, pass])).toEqual([
    [null, 95],
    [256, 64],
    [320, 80],
  ])
  expect(pictureOf('window-ratio').rows).toHaveLength(4)
})

test('facts stated once: means of the facts at each distance, in percent', () => {
  const { rows, settings } = pictureOf('recall')
  expect(rows.map(({ policy, distance, n }) => [policy, distance, n])).toEqual([
    ...[
      ['full', 32, 2],
      ['full', 64, 2],
      ['dynts', 32, 2],
      ['dynts', 64, 2],
    ],
  ])
  expect(rows[3]).toMatchObject({ B: 256, 'cells held': 50, 'value right': 50, 'tokens between': 63 })
  expect(settings).toContain('facts at each distance: 2')
  expect(settings).toContain('replayed, nothing is drawn')
  expect(pictureOf('accuracy').settings).toContain('temperature 0.6, top-p 0.95, top-k 20 · 95 % intervals')
})

describe('what was published', () => {
  const published = evaluation(
    [configuration('dynts', 0.9), full, configuration('h2o', 0.5)],
    'DeepSeek R1 Distill Llama 8B',
    'aime24',
  )
  const pictureIn = (name: string) =>
    figures.find((figure) => figure.name === name)!.pictures({ ...nothing, evaluations: [published] })[0]!

  test('stands beside ours as columns of its own, with its n', () => {
    const { rows, settings, spec } = pictureIn('accuracy')
    expect(rows.map((row) => [row['policy'], row['published Pass@1'], row['Pass@1']])).toEqual([
      ...[
        ['full', 47.3, 95],
        ['dynts', 49.3, 90],
        ['h2o', 38.6, 50],
      ],
    ])
    expect(settings).toContain('published: Tables 1 and 2 of the paper, DeepSeek-R1-Distill-Llama-8B, n = 30 problems')
    expect(JSON.stringify(spec)).toContain('◇ published')
    // 444.6 / 215.1 and 426.2 / 215.1.
    expect(pictureIn('throughput').rows.map((row) => row['published speed, full = 1'])).toEqual([2.06695, 1.9814])
  })

  test('is nowhere for another model', () => {
    const { rows, settings, spec } = pictureOf('accuracy')
    expect(JSON.stringify([rows, settings, spec])).not.toMatch(/published/)
  })
})

test('the share above the mean is counted over the thinking alone', () => {
  // Mean 3: one of four is above it.
  expect(pictureOf('importance-profile').settings).toContain('mean 3.00, above it 25 %')
})

test('shares of words in percent, beside what was published', () => {
  const { rows, settings } = pictureOf('content-words')
  expect(rows).toHaveLength(10)
  expect(rows[0]).toMatchObject({
    part: 'top 10 %',
    'content words': 50,
    'published, least': 37.5,
    'published, most': 56.6,
  })
  expect(rows[9]).toMatchObject({ part: '90 to 100 %', 'function words': 39, 'numbers and symbols': null })
  expect(settings).toContain('n = 6 questions, 12 traces')
})

test('cells of one trace: by position, and by why they are there', () => {
  const { rows, settings, description } = pictureOf('kept-cells')
  expect(rows.map(({ policy, part, from, to }) => [policy, part, from, to])).toEqual([
    ...[
      ['full', 'question', 0, 2],
      ['full', 'older thinking', 2, 15],
      ['dynts', 'question', 0, 2],
      ['dynts', 'older thinking', 4, 5],
      ['dynts', 'older thinking', 6, 7],
      ['dynts', 'newest (local window)', 8, 11],
      ['dynts', 'read since', 11, 15],
    ],
  ])
  expect(settings).toContain('B 11, W_l 3, ratio 0.33')
  expect(description).toContain('Of the prompt dynts holds 100 %')
})

test('a run in step: both caches in units of people, the ratio with its spread', () => {
  const { rows, description } = pictureOf('live')
  expect(rows).toHaveLength(6)
  expect(rows[3]).toEqual({
    ...{ policy: 'dynts', step: 100, 'tokens per second': 200 },
    ...{ 'cells in use (MiB)': 100, 'GFLOPs of a token': 100 },
  })
  expect(rows.slice(4)).toEqual([
    ...[
      { policy: 'dynts / full', step: 60, 'tokens per second, to full': 1.75, 'cells in use (MiB), to full': 0.5 },
      { policy: 'dynts / full', step: 100, 'tokens per second, to full': null, 'cells in use (MiB), to full': 0.25 },
    ].map((row, i) => ({ ...row, 'GFLOPs of a token, to full': i === 0 ? 0.8 : 0.7 })),
  ])
  expect(description).toContain('1.90 times the tokens per second of the full one (1.90 to 2.10 in 2 runs)')
})

test('a panel for each reading, and accuracy in percent by what was kept', () => {
  const { rows, spec, settings } = pictureOf('pareto')
  expect(rows.map(({ kept, accuracy }) => [kept, accuracy])).toEqual([
    ...[
      ['full', 90],
      ['none', 10],
      ['top', 70],
      ['top', 80],
      ['newest', 75],
    ],
  ])
  expect(rows[2]).toMatchObject({ reading: 'text', '% of the thinking': 2, 'accuracy low': 63, 'thought again': 1 })
  expect((spec as { hconcat: unknown[] }).hconcat).toHaveLength(2)
  expect(settings).toContain('n = 6 questions, 7 traces of 100 thinking tokens')
})

test('a sweep is no comparison at one setting', () => {
  const [, sweep] = sources.evaluations
  for (const name of ['accuracy', 'cache-length', 'thinking', 'throughput', 'replay-loss']) {
    const figure = figures.find((one) => one.name === name)!
    expect(figure.pictures({ ...nothing, evaluations: [sweep!] })).toEqual([])
  }
})

test('replay loss has a picture for each setting of a sweep that several policies share', () => {
  const at = (budget: number) => ['dynts', 'window'].map((policy) => configuration(policy, 0.9, { budget }))
  const alone = configuration('dynts', 0.9, { budget: 512 })
  const figure = figures.find(({ name }) => name === 'replay-loss')!
  const drawn = figure.pictures({ ...nothing, evaluations: [evaluation([full, ...at(256), ...at(320), alone])] })
  expect(drawn.map(({ title, rows }) => [title, rows.map((row) => row['B'])])).toEqual([
    ['chain, B 256, W_l 32, ratio 0.5', [256, 256]],
    ['chain, B 320, W_l 32, ratio 0.5', [320, 320]],
  ])
  const many = [1, 2, 3, 4, 5, 6, 7].flatMap((i) => at(300 + i))
  expect(figure.pictures({ ...nothing, evaluations: [evaluation([full, ...many])] })).toEqual([])
})

test('who is first is not claimed in a tie', () => {
  const accuracyOf = (...all: ConfigurationSummary[]) =>
    figures.find(({ name }) => name === 'accuracy')!.pictures({ ...nothing, evaluations: [evaluation(all)] })[0]!
      .description
  const [dynts, window] = [configuration('dynts', 0.9), configuration('window', 0.9)]
  expect(accuracyOf(configuration('dynts', 0.8), window)).toBe('Pass@1 of 2 policies; the highest has window: 90 %.')
  expect(accuracyOf(dynts, window)).toBe('Pass@1 of 2 policies; all of them share the highest: 90 %.')
  expect(accuracyOf(dynts, window, configuration('random', 0.5))).toBe(
    'Pass@1 of 3 policies; dynts and window share the highest: 90 %.',
  )
})

test('the page has each picture with its data, says what is missing, and no name becomes markup', async () => {
  const drawn = await Promise.all(
    figures.map((figure) => drawFigure(figure, figure.name === 'training-curves' ? [] : figure.pictures(sources))),
  )
  const page = reportPage('A & B', ['made of <this>'], drawn)
  expect(page).toContain('<title>A &amp; B</title>')
  expect(page).toContain('made of &lt;this&gt;')
  expect(page).not.toContain('<b>mine')
  expect(page).toMatch(/<section id="missing"[\s\S]*Training of the importance predictor/)
  expect(page).not.toMatch(/(?:src|href)="https?:/)
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
  expect(new Set(ids).size).toBe(ids.length)
})

test('policies look the same whoever is drawn beside them, and no two alike', () => {
  const all = policyNames()
  const whole = policyLooks(all)
  const look = ({ colours, forms }: typeof whole, i: number) => `${colours[i] ?? ''} ${forms[i] ?? ''}`
  expect(new Set(all.map((_, i) => look(whole, i))).size).toBe(all.length)
  for (const [i, name] of all.entries()) {
    expect(look(policyLooks(['mine', `${name}+question`]), 1)).toBe(look(whole, i))
  }
  expect(look(policyLooks(['mine', 'h2o', 'yours']), 0)).not.toBe(look(policyLooks(['mine', 'h2o', 'yours']), 2))
})

test('what stands beside its place does so on both sides alike', () => {
  expect([0, 1, 2].map((i) => besides(i, 3))).toEqual([-4, 0, 4])
  expect(besides(0, 1)).toBe(0)
})
