/**
 * `dynts report`: what it takes of a folder, what it does with a run that cannot be read, and what it never overwrites.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { figures } from '../../src/report/registry.ts'
import { importanceOracle } from '../oracle.ts'
import { keptTrace } from '../support/oracle-traces.ts'
import { writeImportanceFolder } from '../support/importance-folder.ts'
import { dynts, refusal, scratch } from './run-dynts.ts'

vi.setConfig({ testTimeout: 120_000 })
const at = (...names: string[]) => join(scratch, ...names)
const epoch = { epoch: 1, trainingMse: 0.1, heldOut: { mse: 0.2, kendallTau: 0.5, overlap: { 30: 0.8 } } }
const training = {
  schema: 'dynts.training/1',
  model: { name: 'a model' },
  data: { heldOut: { traces: 5, tokens: 900 } },
  history: [{ ...epoch, epoch: 0, trainingMse: null }, epoch],
}

/** As `dynts fit` leaves it, as far as figures are made of it. */
function fitFolder(name: string): string {
  mkdirSync(at(name, 'model.training'), { recursive: true })
  const trace = keptTrace(importanceOracle().traces[0]!)
  writeImportanceFolder(at(name, 'importance'), [{ trace, importance: [1, 2, 3] }])
  writeFileSync(at(name, 'model.metrics.json'), JSON.stringify(training, null, 2))
  writeFileSync(at(name, 'model.training', 'finished.json'), '{"digest":"x"}')
  writeFileSync(at(name, 'traces.jsonl'), `${JSON.stringify(trace)}\n`)
  writeFileSync(at(name, 'old.metrics.json.until-2026'), JSON.stringify(training, null, 2))
  return name
}

interface Drawn {
  pictures: { id: string }[]
  unread: { path: string; reason: string }[]
}
const fitPictures = [
  'importance-profile-dynts-tiny-reasoner',
  'importance-by-position-dynts-tiny-reasoner',
  'training-curves-a-model',
]
const drawn = (stdout: string) => (JSON.parse(stdout) as Drawn).pictures.map(({ id }) => id)

test('a folder of dynts fit, or one that holds it, gives all that is in it, once', async () => {
  const fit = fitFolder('one.fit')
  mkdirSync(at('runs'))
  symlinkSync(at(fit), at('runs', 'linked'))
  const named = [fit, fit, 'runs', join(fit, 'importance')]
  const { code, stdout, stderr } = await dynts(['report', ...named, '--json', '-o', 'fit.html'])
  expect(code).toBe(0)
  expect(drawn(stdout)).toEqual(fitPictures)
  expect(stderr).toMatch(/^one\.fit\/importance is named twice, and drawn once$/m)
  expect(stderr).toMatch(/^runs\/linked\/model\.metrics\.json is one\.fit\/model\.metrics\.json, and drawn once$/m)
})

test('what is not drawn is told in a line for each thing that is lacking', async () => {
  const metrics = join(fitFolder('five.fit'), 'model.metrics.json')
  const { stderr } = await dynts(['report', metrics, '-o', 'few.html'])
  expect(stderr.split('\n').filter((line) => line.startsWith('not drawn'))).toHaveLength(7)
  expect(stderr).toMatch(
    /^not drawn, as there is no run of dynts importance: importance-profile, importance-by-position$/m,
  )
  expect(refusal(await dynts(['report', metrics, '--figure', 'recall,pareto', '-o', 'none.html']))).toBe(
    'Nothing of this can be drawn: recall, as there is no run of dynts eval; pareto, as there is no file of dynts analyze pareto.',
  )
})

test('the list of figures, as wide as others, or as JSON', async () => {
  const { stdout } = await dynts(['report', '--list'])
  expect(Math.max(...stdout.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(100)
  const record: unknown = JSON.parse((await dynts(['report', '--list', '--json'])).stdout)
  expect(record).toEqual({
    schema: 'dynts.report.figures/1',
    figures: figures.map(({ name, title, paper = null, needs }) => ({ name, title, paper, needs })),
  })
})

test('a run that cannot be read is told, and loses no other', async () => {
  const fit = fitFolder('two.fit')
  mkdirSync(at('empty'))
  writeFileSync(at('broken.json'), '{"schema": "dynts.training/1"}')
  symlinkSync('circle', at('two.fit', 'circle'))
  writeFileSync(at('older.json'), '{"schema": "dynts.training/0"}')
  const { code, stdout, stderr } = await dynts([
    'report',
    'empty',
    fit,
    'broken.json',
    'older.json',
    'none',
    '--json',
    '-o',
    'rest.html',
  ])
  expect(code).toBe(2)
  expect(drawn(stdout)).toEqual(fitPictures)
  expect((JSON.parse(stdout) as Drawn).unread).toMatchObject([
    { path: 'empty' },
    { path: 'two.fit/circle' },
    { path: 'broken.json' },
    { path: 'older.json' },
    { path: 'none' },
  ])
  expect(stderr).toMatch(
    /^left out: empty holds no run, down to three folders deep: give folders of dynts eval, dynts importance or dynts fit/m,
  )
  expect(stderr).toMatch(
    /^left out: broken\.json is damaged, or of another version of dynts: the field model is missing\. Make it anew\.$/m,
  )
  expect(stderr).toMatch(/^left out: older\.json is damaged.* its schema is not one of this version\. Make it anew\.$/m)
  expect(stderr).toMatch(/^left out: none is not there/m)
  expect(refusal(await dynts(['report', 'empty', '-o', 'none.html']))).toMatch(/^empty holds no run/)
  const store = at(fit, 'importance')
  expect(refusal(await dynts(['report', join(store, 'manifest.json')]))).toBe(
    `${join(store, 'manifest.json')} is a part of a run: give the folder ${store}.`,
  )
})

test('says that it replaces a report, and replaces nothing else', async () => {
  const metrics = join(fitFolder('three.fit'), 'model.metrics.json')
  expect((await dynts(['report', metrics])).stdout).toBe('1 picture in report.html\n')
  expect((await dynts(['report', metrics])).stdout).toBe('1 picture in report.html (replaced)\n')
  writeFileSync(at('mine.html'), '<p>mine</p>')
  expect(refusal(await dynts(['report', metrics, '-o', 'mine.html']))).toMatch(/mine\.html exists and is no report/)
  expect(readFileSync(at('mine.html'), 'utf8')).toBe('<p>mine</p>')
})

test('pictures as files, light on dark if asked, which needs files', async () => {
  const metrics = join(fitFolder('four.fit'), 'model.metrics.json')
  expect((await dynts(['report', metrics, '-o', 'dark.html', '--files', 'dark', '--dark'])).code).toBe(0)
  const picture = readFileSync(at('dark', 'training-curves-a-model.svg'), 'utf8')
  expect(picture).toContain('fill="#16181d"')
  expect(picture).not.toContain('#1a1a1a')
  expect(refusal(await dynts(['report', metrics, '--dark']))).toMatch(/--dark .*without --files/)
})

test('Ctrl-C ends the demo with its step, and the same command goes on', async () => {
  const interrupted = async () => {
    let isSent = false
    return await dynts(['report', '--demo', '--limit', '1', '--work', 'demo'], {
      ownGroup: true,
      onOutput: ({ pid }, _, stderr) => {
        if (isSent || pid === undefined || !/samples: [1-9]\d* of /.test(stderr)) return
        isSent = true
        process.kill(-pid, 'SIGINT')
      },
    })
  }
  const { code, stdout, stderr } = await interrupted()
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^1 of \d+, after 0\.0 min: all policies/m)
  expect(stderr).not.toMatch(/^2 of /m)
  expect(stderr).toMatch(/^dynts: dynts eval has ended with exit code 130; the same command goes on from there\.$/m)
  expect((await interrupted()).stderr).toMatch(/^\d+ of \d+ samples are in demo\/table1 already$/m)
})
