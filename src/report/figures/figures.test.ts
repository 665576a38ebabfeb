import { describe, expect, test } from 'vitest'
import { policyNames } from '../../eviction/registry.ts'
import type { ConfigurationSummary } from '../../evaluation/run/summarise.ts'
import { groupMissing } from '../missing-figures.ts'
import { figures } from '../registry.ts'
import { besides, policyLooks } from '../theme.ts'
import { importanceSource } from '../sources.ts'
import { configuration, evaluation, evaluationOf, full, nothing, pareto, sources } from './sources.fake.ts'
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
      expect(standaloneSvg(picture, { dark: true })).toContain('fill="#16181d"/>')
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
  expect(pictureOf('throughput').rows.slice(0, 2)).toEqual([
    {
      ...{ policy: 'full', B: null, 'tokens per second': 100, 'tokens per second, the authors’ way': 120 },
      ...{ 'wall, full = 1': 1, 'authors, full = 1': 1 },
    },
    {
      ...{ policy: 'dynts', B: 320, 'tokens per second': 150, 'tokens per second, the authors’ way': 240 },
      ...{ 'wall, full = 1': 1.5, 'authors, full = 1': 2 },
    },
  ])
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
    expect(settings).toMatch(
      /samples, at the settings there; other methods there: h2o is H2O with the attention of one query only; DynTS is \+2\.0 to full there, within one standard error/,
    )
    expect(pictureIn('throughput').settings).toMatch(
      /the abstract’s latency, 1\.84 to 2\.62 times less, is in no table$/,
    )
    // 444.6 / 215.1 and 426.2 / 215.1.
    const { rows: speeds } = pictureIn('throughput')
    expect(speeds.map((row) => row['published speed, full = 1'])).toEqual([2.06695, 1, 1.9814])
    expect(speeds.map((row) => row['published tokens per second'])).toEqual([444.6, 215.1, 426.2])
  })

  test('peaks stand beside ours, in cells', () => {
    const { rows, settings } = pictureIn('cache-length')
    expect(rows.map((row) => [row['policy'], row['peak cells'], row['published cache length']])).toEqual([
      ...[
        ['full', 600, 16_800],
        ['dynts', 320, 5000],
        ['h2o', 320, null],
      ],
    ])
    expect(settings).toContain('published: Figure 13')
  })

  test.each(['accuracy', 'cache-length', 'task-mean', 'budget-sweep', 'window-ratio'])(
    '%s: is nowhere for another model',
    (name) => {
      for (const picture of figures.find((figure) => figure.name === name)!.pictures(sources)) {
        const { rows, settings, spec } = picture
        expect(JSON.stringify([rows, settings, spec])).not.toMatch(/published|◇/)
      }
    },
  )
})

describe('a sweep of one of the paper’s models', () => {
  const qwen = 'DeepSeek R1 Distill Qwen 7B'
  const paper = ['aime24', 'aime25', 'amc23', 'gpqa-diamond']
  const at = (budget: number, localWindow = 2000, ratio = 0.4) =>
    configuration('dynts', budget / 10_000, { budget, localWindow, ratio })
  const budgets = [full, at(2500), at(5000)]
  const windows = [500, 2000].flatMap((window) => [0.1, 0.4].map((ratio) => at(5000, window, ratio)))
  const picturesOf = (name: string, tasks: readonly string[], configurations: ConfigurationSummary[]) =>
    figures
      .find((figure) => figure.name === name)!
      .pictures({
        ...nothing,
        evaluations: [
          evaluationOf(
            tasks.map((task) => [task, configurations]),
            qwen,
          ),
        ],
      })

  test('budgets: Figure 16 as rows of its own, and no line of ours goes through them', () => {
    const [{ rows, settings, spec } = expect.fail('no picture')] = picturesOf('budget-sweep', ['amc23'], budgets)
    expect(rows.slice(0, 3).map((row) => [row['policy'], row['B'], row['Pass@1'], row['published Pass@1']])).toEqual([
      ...[
        ['full', null, 95, undefined],
        ['dynts', 2500, 25, undefined],
        ['dynts', 5000, 50, undefined],
      ],
    ])
    expect(rows.slice(3).map((row) => [row['policy'], row['B'], row['Pass@1'], row['published Pass@1']])).toEqual([
      ...[
        ['published: dynts', 2500, undefined, 82],
        ['published: dynts', 3000, undefined, 84.5],
        ['published: dynts', 3500, undefined, 90.5],
        ['published: dynts', 4000, undefined, 87.5],
        ['published: dynts', 4500, undefined, 87],
        ['published: dynts', 5000, undefined, 88.5],
      ],
    ])
    // 785 and 650, by the 376.2 of Table 1.
    expect(rows[3]!['published speed, full = 1']).toBeCloseTo(2.0867, 4)
    expect(rows[8]!['published speed, full = 1']).toBeCloseTo(1.7278, 4)
    expect(settings).toContain(
      'published: Figure 16 of the paper, DeepSeek-R1-Distill-Qwen-7B, n = 40 problems of 5 samples',
    )
    expect(settings).toContain('read off the picture')
    const domains = JSON.stringify(spec).match(/"domain":\[[^\]]*\]/g)
    expect(new Set(domains)).toEqual(new Set(['"domain":["dynts"]']))
  })

  test('what the local window leaves of a budget stands under it', () => {
    const [{ spec } = expect.fail('no picture')] = picturesOf('budget-sweep', ['amc23'], budgets)
    expect(JSON.stringify(spec)).toContain("format(datum.value - 2000, 'd')")
  })

  test('all four tasks: their mean, with Figure 8 beside it', () => {
    const drawn = picturesOf('budget-sweep', paper, budgets)
    expect(drawn.map(({ title }) => title)).toEqual([...paper, 'mean of aime24, aime25, amc23, gpqa-diamond'])
    const { rows, settings } = drawn[4]!
    expect(rows.slice(3).map((row) => row['published Pass@1'])).toEqual([49.8, 52.6, 54.1, 54.3, 54.3, 56.3])
    // 740 by the mean of 357.2, 354.3, 376.2 and 349.4.
    expect(rows[3]!['published speed, full = 1']).toBeCloseTo(740 / 359.275, 4)
    expect(settings).toContain('n = 50 + 50 + 50 + 50 problems · each task counts the same')
    expect(settings).toContain('n = 30 + 30 + 40 + 198 problems of 5 samples')
    expect(settings).toContain('Figure 8')
  })

  test('local windows and ratios: Figure 17 and Figure 6 as a panel of their own', () => {
    const drawn = picturesOf('window-ratio', paper, windows)
    const [aime24, mean] = [drawn[0]!, drawn[4]!]
    expect(aime24.rows.slice(0, 4).map((row) => row['published Pass@1'])).toEqual(Array.from({ length: 4 }))
    const published = (picture: typeof mean) =>
      picture.rows.filter((row) => row['policy'] === 'published: dynts' && row['local window'] === 2000)
    expect(published(aime24).map((row) => [row['ratio'], row['label']])).toEqual([
      ...[
        [0.1, '42.7'],
        [0.2, '44.0'],
        [0.3, '47.3'],
        [0.4, '52.0'],
        [0.5, '43.3'],
      ],
    ])
    expect(published(mean).map((row) => row['published Pass@1'])).toEqual([52.4, 51.9, 54.6, 56.3, 53.7])
    expect(aime24.settings).toContain('published: Figure 17 of the paper')
    expect(mean.settings).toContain('published: Figure 6 of the paper')
  })
})

describe('means over tasks', () => {
  const taskMeans = (...evaluations: ReturnType<typeof evaluation>[]) =>
    figures.find(({ name }) => name === 'task-mean')!.pictures({ ...nothing, evaluations })

  test('each task counts the same; intervals as of independent means', () => {
    const [{ rows, title, settings } = expect.fail('no picture'), ...rest] = taskMeans(...sources.evaluations)
    expect(rest).toEqual([])
    expect(title).toBe('mean of knights, line')
    // 90 and 50, at 320 and 480 cells; the intervals reach 9 and 5 to each side, and the root of 81 + 25 is 10.2956.
    expect(rows.map((row) => [row['policy'], row['B'], row['Pass@1'], row['peak cells']])).toEqual([
      ...[
        ['full', null, 95, 600],
        ['dynts', 400, 70, 400],
      ],
    ])
    expect(rows[1]!['Pass@1 low']).toBeCloseTo(70 - 10.2956 / 2, 3)
    expect(rows[1]!['Pass@1 high']).toBeCloseTo(70 + 10.2956 / 2, 3)
    expect(settings).toContain('n = 50 + 50 problems')
    expect(settings).toContain('B 320, 480')
  })

  test('a policy that a task lacks is in no mean', () => {
    const run = evaluationOf([
      ['knights', [full, configuration('dynts', 0.9), configuration('h2o', 0.9)]],
      ['line', [full, configuration('dynts', 0.9)]],
    ])
    expect(taskMeans(run)[0]!.rows.map(({ policy }) => policy)).toEqual(['full', 'dynts'])
  })

  test('both models and six tasks: what Figure 1 of the paper prints', () => {
    const six = ['aime24', 'aime25', 'amc23', 'gpqa-diamond', 'gaokao2023en', 'math500']
    const policies = ['dynts', 'window', 'streaming-llm', 'sepllm', 'h2o', 'snapkv', 'r-kv', 'keydiff']
    const runs = ['DeepSeek-R1-Distill-Llama-8B', 'DeepSeek-R1-Distill-Qwen-7B'].map((model) =>
      evaluationOf(
        six.map((task) => [task, [full, ...policies.map((policy) => configuration(policy, 0.5))]]),
        model,
      ),
    )
    const drawn = taskMeans(...runs)
    expect(drawn).toHaveLength(3)
    const { title, rows, settings } = drawn[2]!
    expect(title).toMatch(/ and 2 models$/)
    const printed = {
      full: 63.6,
      dynts: 63.5,
      window: 49.4,
      'streaming-llm': 51.6,
      sepllm: 54.5,
      h2o: 58.8,
      snapkv: 59.8,
    }
    for (const [policy, value] of Object.entries({ ...printed, 'r-kv': 60.9 })) {
      const row = rows.find((one) => one['policy'] === policy)!
      expect(Math.abs(Number(row['published Pass@1']) - value)).toBeLessThan(0.1)
    }
    expect(rows.find((row) => row['policy'] === 'keydiff')!['published Pass@1']).toBeNull()
    // 17.3 and 17.3667 thousand.
    expect(rows[0]!['published cache length']).toBeCloseTo(17_333.3, 0)
    expect(settings).toContain('n = 30 + 30 + 40 + 198 + 385 + 500 problems of 5 samples')
    expect(settings).toContain('65.3 to 65.5 are those of R1-Qwen')
  })
})

describe('accuracy over cells', () => {
  const policies = ['dynts', 'random']
  const sweep = evaluation([
    full,
    ...policies.flatMap((policy, i) =>
      [256, 320].map((budget) => configuration(policy, budget / 400 - i / 10, { budget })),
    ),
  ])
  const picture = figures
    .find(({ name }) => name === 'accuracy-cells')!
    .pictures({ ...nothing, evaluations: [sweep] })[0]!

  test('a row for each policy and budget, the full cache across', () => {
    expect(picture.rows.map((row) => [row['policy'], row['B'], row['mean cells'], row['Pass@1']])).toEqual([
      ...[
        ['full', null, 400, 95],
        ['dynts', 256, 179.2, 64],
        ['dynts', 320, 224, 80],
        ['random', 256, 179.2, 54],
        ['random', 320, 224, 70],
      ],
    ])
    expect(picture.description).toContain('The highest: at B 256 dynts with 64 %; at B 320 dynts with 80 %.')
  })

  test('names stand beside the ends of their lines, and none on another', () => {
    const placed = [...JSON.stringify(picture.spec).matchAll(/"place":(-?[\d.]+)/g)].map(([, place]) => Number(place))
    // Far enough apart to stand where the lines end.
    expect([...new Set(placed.map(Math.round))].sort((a, b) => a - b)).toEqual([70, 80, 95])
  })

  test('one budget is no line', () => {
    const one = evaluation([full, configuration('dynts', 0.9)])
    const figure = figures.find(({ name }) => name === 'accuracy-cells')!
    expect(figure.pictures({ ...nothing, evaluations: [one] })).toEqual([])
  })
})

describe('importance by position', () => {
  /** 20 thinking tokens each: a bin has one. Trace i has i + 1 at its first, and 1 elsewhere. */
  const traces = [0, 1, 2, 3, 4, 5].map((i) => ({
    ...{ id: `t${i}`, question: `q${i}`, promptImportance: Float32Array.of(2 * (20 + i)) },
    importance: Float32Array.from({ length: 20 }, (_, token) => (token === 0 ? i + 1 : 1)),
  }))
  const drawn = figures
    .find(({ name }) => name === 'importance-by-position')!
    .pictures({ ...nothing, importance: [importanceSource('a model', traces)] })[0]!

  test('means over questions and percentiles over traces, by hand', () => {
    expect(drawn.rows).toHaveLength(21)
    // The mean of trace i is (20 + i) / 20, so its first bin has 20 (i + 1) / (20 + i) of that.
    const first = [1, 40 / 21, 60 / 22, 80 / 23, 100 / 24, 120 / 25]
    const row = drawn.rows[1]!
    expect(row).toMatchObject({ part: 'thinking', 'from %': 0, 'to %': 5, questions: 6 })
    expect(row['importance']).toBeCloseTo(first.reduce((sum, one) => sum + one) / 6, 4)
    // Of six, a tenth of the way is half between the first and the second, a quarter a fourth between the second and the third.
    expect(row['p10']).toBeCloseTo((first[0]! + first[1]!) / 2, 4)
    expect(row['p25']).toBeCloseTo(0.75 * first[1]! + 0.25 * first[2]!, 4)
    expect(row['p75']).toBeCloseTo(0.25 * first[3]! + 0.75 * first[4]!, 4)
    expect(row['p90']).toBeCloseTo((first[4]! + first[5]!) / 2, 4)
    // 2 (20 + i) to (20 + i) / 20.
    expect(drawn.rows[0]).toMatchObject({ part: 'question', importance: 40, p10: 40, p90: 40 })
    expect(drawn.settings).toContain('n = 6 questions, 6 traces, 120 thinking tokens')
  })

  test('of few traces there is no spread', () => {
    expect(pictureOf('importance-by-position').rows[1]).toMatchObject({ importance: 0.333333, p10: null })
  })
})

test('the share above the mean is counted over the thinking alone', () => {
  // Mean 3: one of four is above it.
  expect(pictureOf('importance-profile').settings).toContain('the longest of 1 · mean 3.00, above it 25 %')
  expect(pictureOf('importance-profile').settings).toContain('published: 12.5 to 28.1 % above it in 13 traces')
})

test('a question that is looked at far more than the thinking does not flatten it', () => {
  const figure = figures.find(({ name }) => name === 'importance-profile')!
  const drawn = (promptImportance: Float32Array) => {
    const trace = { id: 't', question: 'q', promptImportance, importance: Float32Array.of(1, 4, 2) }
    const [{ rows, spec } = expect.fail('no picture')] = figure.pictures({
      ...nothing,
      importance: [{ model: 'a model', profiles: [], trace }],
    })
    const said = JSON.stringify(spec)
    return {
      rows,
      domain: /"domain":\[0,([\d.]+)\]/.exec(said)?.[1],
      beyond: /\d+ beyond, up to [\d.]+/.exec(said)?.[0],
    }
  }
  const sink = drawn(Float32Array.of(107.31, 3, 5))
  expect([sink.domain, sink.beyond]).toEqual(['4.2', '2 beyond, up to 110'])
  // The data are whole.
  expect(sink.rows[0]).toMatchObject({ part: 'question', importance: 107.31 })
  expect(drawn(Float32Array.of(3, 4)).beyond).toBeUndefined()
})

test('neighbours share a bar where there are more than 600, and its row says how many', () => {
  const figure = figures.find(({ name }) => name === 'importance-profile')!
  const trace = {
    ...{ id: 't', question: 'q', promptImportance: Float32Array.of(3, 1) },
    importance: Float32Array.from({ length: 1301 }, (_, i) => i % 7),
  }
  const [{ rows, settings } = expect.fail('no picture')] = figure.pictures({
    ...nothing,
    importance: [{ model: 'a model', profiles: [], trace }],
  })
  const thinking = rows.filter(({ part }) => part === 'thinking')
  expect(rows.slice(0, 2).map(({ importance, tokens }) => [importance, tokens])).toEqual([
    [3, 1],
    [1, 1],
  ])
  expect(thinking).toHaveLength(Math.ceil(1301 / 3))
  // 0 1 2, 3 4 5, 6 0 1, and two that are left over: 1299 % 7 is 4.
  expect(thinking.slice(0, 3).map(({ importance }) => importance)).toEqual([2, 5, 6])
  expect(thinking.at(-1)).toMatchObject({ position: 1299, tokens: 2, importance: 5 })
  // It is not one of many.
  expect(settings).toMatch(/ · trace t · mean /)
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
  const { rows, description, spec } = pictureOf('live')
  expect(rows).toHaveLength(6)
  expect(rows[3]).toEqual({
    ...{ policy: 'dynts', step: 100, 'tokens per second': 200 },
    ...{ 'cells in use (MiB)': 100, 'allocated (MiB)': 0.5, 'GFLOPs of a token': 100 },
  })
  expect(rows.slice(4)).toEqual([
    ...[
      { policy: 'dynts / full', step: 60, 'tokens per second, to full': 1.75, 'cells in use (MiB), to full': 0.5 },
      { policy: 'dynts / full', step: 100, 'tokens per second, to full': null, 'cells in use (MiB), to full': 0.25 },
    ].map((row, i) => ({ ...row, 'GFLOPs of a token, to full': i === 0 ? 0.8 : 0.7 })),
  ])
  // Drawn in the panel of the cells alone.
  expect(JSON.stringify(spec).match(/"y":\{"field":"allocated \(MiB\)"/g)).toHaveLength(1)
  expect(description).toContain('1.90 times the tokens per second of the full one (1.90 to 2.10 in 2 runs)')
})

test('costs right after each eviction, beside what was printed of them', () => {
  const { rows, settings, description } = pictureOf('cost')
  const published = (cells: number, operations: number) => ({
    ...{ 'published, cells': cells, 'published, operations': operations },
  })
  expect(rows).toEqual([
    { tokens: 5000, evictions: 1, cells: 0.58, operations: 0.94, 'bytes read': 0.61, ...published(0.58, 0.87) },
    { tokens: 7100, evictions: 2, cells: 0.41, operations: 0.94, 'bytes read': 0.61, ...published(0.41, 0.77) },
  ])
  expect(settings).toContain('published: Figure 5 of the paper')
  expect(description).toContain('After 2 evictions a step has 0.41 of the full cache’s cells')
  const figure = figures.find(({ name }) => name === 'cost')!
  const [source] = sources.costs
  const without = { ...source!, published: null, points: source!.points.slice(0, 1) }
  // Nothing is evicted.
  expect(figure.pictures({ ...nothing, costs: [without] })).toEqual([])
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
  expect(settings).toContain('seed 3 · 95 % intervals by bootstrap over questions')
})

test('of so few questions that there is no interval none is spoken of', () => {
  const figure = figures.find(({ name }) => name === 'pareto')!
  const [summary] = sources.paretos
  const points = summary!.points.map((point) => ({ ...point, accuracy: { ...point.accuracy, interval: null } }))
  const [{ settings } = expect.fail('no picture')] = figure.pictures({ ...nothing, paretos: [{ ...summary!, points }] })
  expect(settings).toMatch(/too few questions for intervals$/)
})

test('lines that are more than dashes tell apart have their names beside their ends, and none on another', () => {
  const overlap = { '20': 0.44, '30': 0.62, '40': 0.79, '50': 0.87, '60': 0.93, '70': 0.96, '80': 0.99, '90': 1 }
  const [training] = sources.trainings
  const [first] = training!.history
  const history = [{ ...first!, heldOut: { ...first!.heldOut, overlap } }]
  const figure = figures.find(({ name }) => name === 'training-curves')!
  const [{ spec } = expect.fail('no picture')] = figure.pictures({ ...nothing, trainings: [{ ...training!, history }] })
  const found = JSON.stringify(spec).matchAll(/"series":"top (\d+) %","epoch":0,"value":[\d.]+,"place":(-?[\d.]+)/g)
  const places = new Map([...found].map(([, percent, place]) => [percent, Number(place)]))
  expect([...places.keys()]).toEqual(Object.keys(overlap))
  const heights = [...places.values()]
  // Of an axis from 40 to 100 over 200 pixels: letters of 11 pixels, with 14 from one to the next.
  const gaps = heights.slice(1).map((place, i) => (200 * (place - heights[i]!)) / 60)
  expect(Math.min(...gaps)).toBeGreaterThan(13.99)
})

describe('30 % of the thinking by task', () => {
  const figure = figures.find(({ name }) => name === 'pareto-tasks')!

  test('has a group for each task, in each reading beside all of the thinking', () => {
    const { rows, settings, spec } = pictureOf('pareto-tasks')
    expect(rows.map(({ task, reading, kept, accuracy }) => [task, reading, kept, accuracy])).toEqual([
      ...[
        ['knights', 'text', 'full', 90],
        ['knights', 'text', 'top', 80],
        ['knights', 'text', 'bottom', 20],
        ['knights', 'cells', 'full', 90],
        ['knights', 'cells', 'newest', 75],
        ['line', 'text', 'full', 90],
        ['line', 'text', 'top', 30],
        ['line', 'text', 'bottom', 20],
        ['line', 'cells', 'full', 90],
        ['line', 'cells', 'newest', 75],
      ],
    ])
    expect(rows[1]).toMatchObject({ 'accuracy low': 72, 'accuracy high': 88, n: 50 })
    expect(settings).toContain('n = knights 6, line 6 questions')
    expect(settings).not.toContain('published')
    expect((spec as { hconcat: unknown[] }).hconcat).toHaveLength(2)
  })

  test('is not of one task, nor of other sizes', () => {
    const one = { ...sources, paretos: sources.paretos.slice(0, 2) }
    expect(figure.pictures(one)).toEqual([])
  })

  test('what the paper’s curves show stands beside its own tasks, as text only', () => {
    const parts = [
      [null, 'full', 100, 0.9],
      ['text', 'top', 30, 0.8],
      ['cells', 'top', 30, 0.8],
    ] as const
    const paretos = ['amc23', 'math500', 'line'].map((task) => pareto('DeepSeek R1 Distill Llama 8B', task, parts))
    const [picture] = figure.pictures({ ...sources, paretos })
    const text = picture!.rows.filter(({ reading }) => reading === 'text')
    expect(text.map(({ task, kept, published }) => [task, kept, published])).toEqual([
      ...[
        ['amc23', 'full', 96],
        ['amc23', 'top', 95],
        ['math500', 'full', 91.5],
        ['math500', 'top', 91],
        ['line', 'full', undefined],
        ['line', 'top', undefined],
      ],
    ])
    expect(picture!.rows.filter(({ reading }) => reading === 'cells').some((row) => 'published' in row)).toBe(false)
    expect(picture!.settings).toContain('published: Figure 12 of the paper')
  })
})

test('an axis of one value alone has length', async () => {
  const same = { ...full, sampling: { ...full.sampling!, pass1: { mean: 1, interval: null, items: 3 } } }
  const sweep = [
    same,
    ...[256, 320].map((budget) => ({ ...same, budget, localWindow: 32, ratio: 0.5, policy: 'dynts' })),
  ]
  for (const [name, configurations] of [
    ['accuracy', [same]],
    ['budget-sweep', sweep],
    ['accuracy-cells', sweep],
    [
      'window-ratio',
      [16, 32].flatMap((localWindow) => [0.2, 0.5].map((ratio) => ({ ...same, budget: 320, localWindow, ratio }))),
    ],
  ] as const) {
    const figure = figures.find((one) => one.name === name)!
    const { pictures } = await drawFigure(
      figure,
      figure.pictures({ ...nothing, evaluations: [evaluation(configurations)] }),
    )
    expect(pictures[0]!.svg).toMatch(/>100(\.0)?</)
    expect(pictures[0]!.svg).not.toMatch(/>100\.00|NaN/)
  }
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

test('a policy under several options is as many rows of one picture', () => {
  const weights = [0.1, 0.3].map((diversity) =>
    configuration('dynts-diverse', 0.9, { budget: 256, policyOptions: { diversity } }),
  )
  const figure = figures.find(({ name }) => name === 'replay-loss')!
  const all = [full, configuration('dynts', 0.9, { budget: 256 }), ...weights]
  const drawn = figure.pictures({ ...nothing, evaluations: [evaluation(all)] })
  expect(drawn.flatMap(({ rows }) => rows.map(({ policy }) => policy))).toEqual([
    ...['dynts', 'dynts-diverse diversity=0.1', 'dynts-diverse diversity=0.3'],
  ])
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
  const [there, lacking] = [figures.filter(({ name }) => name !== 'training-curves'), figures.slice(-1)]
  const drawn = await Promise.all(there.map((figure) => drawFigure(figure, figure.pictures(sources))))
  const missing = [{ figures: lacking, why: 'there is <nothing>' }]
  const page = reportPage('A & B', ['made of <this>'], drawn, missing)
  expect(page).toContain('<title>A &amp; B</title>')
  expect(page).toContain('made of &lt;this&gt;')
  expect(page).not.toContain('<b>mine')
  expect(page.split('<section id="missing"')[1]).toContain(
    '<strong>Training of the importance predictor</strong>: there is &lt;nothing&gt;; it needs the .metrics.json',
  )
  expect(page).not.toMatch(/(?:src|href)="https?:/)
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
  expect(new Set(ids).size).toBe(ids.length)
})

describe('what is not drawn', () => {
  const whyOf = (name: string, ...evaluations: ReturnType<typeof evaluation>[]) => {
    const figure = figures.find((one) => one.name === name)!
    expect(figure.pictures({ ...nothing, evaluations })).toEqual([])
    return groupMissing([figure], { ...nothing, evaluations })[0]!.why
  }
  const replayOf = (one: ConfigurationSummary) => ({ ...one, sampling: null })
  const at = (budget: number, localWindow = 32, ratio = 0.5) =>
    configuration('dynts', 0.9, { budget, localWindow, ratio })
  const alone = { ...at(320), sampling: { ...at(320).sampling!, thinkingToFull: null } }
  const pending = { ...full, sampling: null, replay: null }
  const notSampled = /^the evaluations are replays only, and answers have to be sampled \(dynts eval without --traces/

  test('of a kind of run that is not there at all, all figures have one reason', () => {
    const words = { ...nothing, words: sources.words }
    const undrawn = figures.filter((figure) => figure.pictures(words).length === 0)
    const groups = groupMissing(undrawn, words)
    expect(groups.map(({ why }) => why)).toEqual([
      'there is no run of dynts eval',
      ...['live', 'cost', 'kept'].map((name) => `there is no file of dynts analyze ${name}`),
      'there is no run of dynts importance',
      'there is no file of dynts analyze pareto',
      'there is no .metrics.json of dynts train or dynts fit',
    ])
    expect(groups.flatMap((one) => one.figures)).toHaveLength(figures.length - 1)
  })

  test.each<[string, ConfigurationSummary[], RegExp]>([
    ['accuracy', [replayOf(full), replayOf(at(320))], notSampled],
    ['throughput', [replayOf(full), replayOf(at(320))], notSampled],
    ['budget-sweep', [replayOf(full), replayOf(at(320))], notSampled],
    ['accuracy', [pending], /^the evaluation has no results yet$/],
    [
      'cache-length',
      [at(256), at(320)],
      /at several settings, which budget-sweep, accuracy-cells and window-ratio draw$/,
    ],
    ['thinking', [alone], /^full is not among the policies/],
    ['thinking', [full], /^no problem was answered under full and under another policy$/],
    ['accuracy-cells', [full, at(320)], /one budget each \(dynts eval --preset budget has several\)/],
    ['accuracy-cells', [at(256), at(320), at(320, 16)], /at several settings of the same budget$/],
    ['budget-sweep', [at(256), at(320, 16)], /more than one local window or ratio/],
    ['window-ratio', [at(320), at(320, 16)], /several local windows and several ratios/],
    ['task-mean', [full, at(320)], /^each evaluation is of one task$/],
    ['replay-loss', [{ ...full, replay: null }], /^nothing was replayed \(dynts eval --metric pass,replay-loss does/],
    [
      'replay-loss',
      [{ ...at(320), replay: { ...at(320).replay!, toFull: null } }],
      /^full, to which losses are compared/,
    ],
    ['replay-loss', [full, at(256), at(320)], /^the replays are of too many settings, or of none that several/],
    ['recall', [full, at(320)], /not of the task recall$/],
  ])('%s says what the evaluations that are there lack: %#', (name, configurations, why) => {
    expect(whyOf(name, evaluation(configurations))).toMatch(why)
  })

  test('what one evaluation lacks another may have', () => {
    expect(whyOf('accuracy-cells', evaluation([replayOf(full)]), evaluation([full]))).toMatch(/one budget each/)
  })
})

test('pictures of the same title are told apart by their runs, in their titles and in the names of their files', async () => {
  const figure = figures.find(({ name }) => name === 'replay-loss')!
  const run = (from: string, task?: string) => ({
    ...evaluation([full, configuration('dynts', 0.9)], 'a model', task),
    from,
  })
  const evaluations = [
    run('a/table1'),
    run('b/table1'),
    run('x', 'knights'),
    run('模型', 'x'.repeat(300)),
    run('y', 'x'.repeat(300)),
  ]
  const { pictures } = await drawFigure(figure, figure.pictures({ ...nothing, evaluations }))
  expect(pictures.slice(0, 3).map(({ title, id }) => [title, id])).toEqual([
    ['chain, a/table1', 'replay-loss-chain-a-table1'],
    ['chain, b/table1', 'replay-loss-chain-b-table1'],
    ['knights', 'replay-loss-knights'],
  ])
  // The longest that a file may be called, twice.
  expect(pictures.slice(3).map(({ id }) => id)).toEqual(['', '-2'].map((end) => `replay-loss-${'x'.repeat(138)}${end}`))
  const words = figures.find(({ name }) => name === 'content-words')!
  const twice = ['模型', 'é'.repeat(300)].map((from) => ({ ...sources.words[0]!, from }))
  const named = await drawFigure(words, words.pictures({ ...nothing, words: twice }))
  expect(named.pictures.map(({ id }) => id)).toEqual([
    'content-words-a-model-模型',
    `content-words-a-model-${'é'.repeat(64)}`,
  ])
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
