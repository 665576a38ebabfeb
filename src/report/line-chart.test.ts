import { expect, test } from 'vitest'
import { lineChartSvg } from './line-chart.ts'

const panel = {
  title: 'Loss',
  xLabel: 'epoch',
  yLabel: 'MSE',
  series: [
    { name: 'training', points: [[1, 0.5] as const, [2, 0.25] as const, [3, 0.125] as const] },
    { name: 'held out', points: [[0, 0.9] as const, [1, NaN] as const, [2, 0.3] as const] },
  ],
}

test('each series becomes a line through its points', async () => {
  const svg = await lineChartSvg('Training', [panel, { ...panel, title: 'Agreement' }])
  expect(svg).toMatch(/^<svg[^>]* width="\d+/)
  for (const text of ['Training', 'Loss', 'Agreement', 'epoch', 'MSE', 'training', 'held out'])
    expect(svg).toContain(`>${text}</text>`)
  const points = [...svg.matchAll(/aria-label="epoch: (\S+); MSE: (\S+); series: ([a-z ]+)"/g)]
  const drawn = new Set(points.map(([, x, y, name]) => `${name} ${x} ${y}`))
  for (const point of ['training 1 0.5', 'training 2 0.25', 'training 3 0.125', 'held out 2 0.3'])
    expect(drawn).toContain(point)
})

test('a panel without points is drawn empty', async () => {
  expect(await lineChartSvg('Nothing', [{ ...panel, series: [] }])).toContain('>Nothing</text>')
})

test('the same input gives the same file', async () => {
  expect(await lineChartSvg('Training', [panel])).toBe(await lineChartSvg('Training', [panel]))
})
