/** The page of `dynts report` in a real browser: read aloud, on a phone, on paper, without a network, and its files. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sources } from '../../src/report/figures/sources.fake.ts'
import { groupMissing } from '../../src/report/missing-figures.ts'
import { figures } from '../../src/report/registry.ts'
import { drawFigure, reportPage } from '../../src/report/report-page.ts'
import { hasChromium, startChromium } from './chromium.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-report-'))
const file = join(folder, 'report.html')
let browser: Browser
let pictures = 0
const asked: string[] = []

async function open(width: number, colorScheme: 'light' | 'dark' = 'light'): Promise<Page> {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme })
  page.on('request', (request) => asked.push(request.url()))
  await page.goto(pathToFileURL(file).href)
  return page
}

describe.skipIf(!hasChromium)('the page of a report', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    // One figure lacks its data, so that what is said then is looked at as well.
    const there = { ...sources, live: [] }
    const missing = groupMissing(
      figures.filter((figure) => figure.name === 'live'),
      there,
    )
    const drawn = await Promise.all(
      figures.filter(({ name }) => name !== 'live').map((figure) => drawFigure(figure, figure.pictures(there))),
    )
    pictures = drawn.reduce((sum, one) => sum + one.pictures.length, 0)
    writeFileSync(file, reportPage('A report', ['made of numbers'], drawn, missing))
    browser = await startChromium()
  }, 120_000)
  afterAll(async () => {
    await browser.close()
    rmSync(folder, { recursive: true })
  })

  test.each([
    [1200, 'light'],
    [390, 'dark'],
  ] as const)('has no violations: %d pixels, %s', async (width, scheme) => {
    const page = await open(width, scheme)
    await page.evaluate(`document.querySelectorAll('details').forEach((one) => (one.open = true))`)
    await page.evaluate(axe.source)
    const { violations } = await page.evaluate<axe.AxeResults>(`axe.run(document, { resultTypes: ['violations'] })`)
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 200))])).toEqual([])
    // Wide pictures and tables scroll by themselves.
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
    await page.close()
  })

  test('asks for nothing but itself', async () => {
    const page = await open(1200)
    expect(await page.locator('figure').count()).toBe(pictures)
    expect(new Set(asked.filter((url) => !url.startsWith('data:')))).toEqual(new Set([pathToFileURL(file).href]))
    await page.close()
  })

  test('gives each picture as SVG, PNG and CSV', async () => {
    const page = await open(1200)
    const figure = page.locator('figure').first()
    const id = (await figure.getAttribute('id')) ?? ''
    for (const [name, begins] of [
      ['SVG', '<svg'],
      ['PNG', '\u0089PNG'],
      ['CSV', 'policy,'],
    ] as const) {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        figure.locator('.files').getByText(name, { exact: true }).click(),
      ])
      expect(download.suggestedFilename()).toBe(`${id}.${name.toLowerCase()}`)
      const bytes = readFileSync(await download.path())
      expect(bytes.subarray(0, begins.length).toString('latin1')).toBe(begins)
    }
    await page.close()
  })

  test('on paper has every picture whole and in dark on white, and no buttons', async () => {
    const page = await open(794, 'dark')
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
    expect(await page.evaluate('getComputedStyle(document.body).color')).toBe('rgb(0, 0, 0)')
    for (const svg of await page.locator('.picture svg').all()) {
      const box = await svg.boundingBox()
      expect((box?.x ?? NaN) + (box?.width ?? NaN)).toBeLessThanOrEqual(794)
      expect(box?.height).toBeGreaterThan(50)
    }
    expect(await page.locator('.files:visible, nav:visible').count()).toBe(0)
    expect((await page.pdf({ format: 'A4' })).length).toBeGreaterThan(10_000)
    await page.close()
  })
})
