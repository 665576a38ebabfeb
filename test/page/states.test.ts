/** The page while an answer is being thought: on each width, by keyboard, by touch, with large text. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { scratch } from '../cli/run-dynts.ts'
import { startDyntsServe, until, type DyntsServer } from '../server/start-dynts-serve.ts'
import { gatedPolicy } from '../support/gated-policy.ts'
import { overflow, setTextSize, violations } from './accessibility.ts'
import { hasChromium, startChromium } from './chromium.ts'

const question = generateChainProblem(7, { people: 14 }).question

const gate = gatedPolicy(scratch, 'states')
let server: DyntsServer
let browser: Browser
beforeAll(async () => {
  if (!hasChromium) return
  const bounds = ['--budget', '250', '--local-window', '32', '--policy', gate.policy]
  server = await startDyntsServe(['--parallel', '2', ...bounds, '--log-level', 'error'])
  browser = await startChromium()
})
afterAll(async () => {
  if (!hasChromium) return
  await browser.close()
  await server.stop()
})

const pages: Page[] = []
beforeEach(() => gate.close())
afterEach(async () => {
  if (!hasChromium) return
  gate.open()
  for (const page of pages.splice(0)) await page.context().close()
  await until(async () => {
    const slots = (await (await fetch(`${server.url}/slots`)).json()) as { is_processing: boolean }[]
    return slots.every((slot) => !slot.is_processing)
  })
})

/** @param textPixels the user's size of text */
async function open(options: BrowserContextOptions = {}, textPixels = 16): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options })
  context.setDefaultTimeout(15_000)
  const page = await context.newPage()
  pages.push(page)
  await setTextSize(page, textPixels)
  await page.goto(`${server.url}/#seed=1&temperature=0`)
  await page.locator('.state.ok').waitFor()
  return page
}

/** Until the generation stands at its first eviction, and all before it is seen. */
async function askUpToGate(page: Page): Promise<void> {
  await page.getByLabel('Your question').fill(question)
  await page.getByLabel('Your question').press('Enter')
  await until(() => gate.isReached())
  await expect.poll(() => page.locator('.panel .big strong').textContent(), { timeout: 30_000 }).toBe('250')
}

const stopped = (page: Page) => page.getByText('stopped ·')
const phone = { viewport: { width: 390, height: 780 } }
const tablet = { viewport: { width: 800, height: 1000 } }

describe.runIf(hasChromium)('the page', () => {
  test('on a phone keeps the figures over the thinking, and opens the panel as a sheet that Escape closes', async () => {
    const page = await open(phone)
    await askUpToGate(page)
    const bar = page.locator('.run-bar button')
    expect(await bar.innerText()).toMatch(/^\d+ \/ 250 cells · 0 evictions/)
    const panel = page.getByRole('complementary', { name: 'Cells' })
    expect(await panel.isVisible()).toBe(false)
    const below = async () => (await page.locator('.thinking .t').first().boundingBox())!.y
    expect((await bar.boundingBox())!.y).toBeLessThan(await below())
    await page.locator('.thinking .t').last().scrollIntoViewIfNeeded()
    await page.mouse.wheel(0, 150)
    await expect.poll(async () => (await bar.boundingBox())!.y, { timeout: 10_000 }).toBe(0)
    await bar.click()
    const sheet = (await panel.boundingBox())!
    expect([sheet.x, sheet.width, Math.round(sheet.y + sheet.height)]).toEqual([0, 390, 780])
    expect(sheet.height).toBeLessThanOrEqual(0.8 * 780)
    expect(await violations(page)).toEqual([])
    expect(await overflow(page)).toBe(0)
    await page.keyboard.press('Escape')
    await panel.waitFor({ state: 'hidden' })
    expect(await stopped(page).count()).toBe(0)
    await page.keyboard.press('Enter')
    await panel.waitFor()
    await page.locator('.strip').click({ position: { x: 100, y: 10 } })
    await panel.waitFor({ state: 'hidden' })
    await page.locator('.t.current').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.tip').waitFor({ state: 'detached' })
    await page.keyboard.press('Escape')
    await stopped(page).waitFor()
  })

  test('on a tablet has the panel below the settings, and folds it', async () => {
    const page = await open(tablet)
    await askUpToGate(page)
    expect(await page.locator('.run-bar').isVisible()).toBe(false)
    // A policy out of a file has a name, and no path.
    expect(await page.locator('header .facts').innerText()).toContain('· gated ·')
    const [composer, panel] = [
      await page.locator('.composer').boundingBox(),
      await page.locator('.panel').boundingBox(),
    ]
    expect(panel!.y).toBeGreaterThanOrEqual(composer!.y + composer!.height)
    const chart = page.getByRole('img', { name: 'Cells held over generated tokens' })
    expect(await chart.isVisible()).toBe(true)
    await page.locator('.panel .bar').click()
    expect(await chart.isVisible()).toBe(false)
    expect(await violations(page)).toEqual([])
    await page.locator('.panel .bar').click()
    expect(await chart.isVisible()).toBe(true)
    // There is nothing over the page to be closed.
    await page.keyboard.press('Escape')
    await stopped(page).waitFor()
  })

  test('Escape closes the tip of a token first, and only then stops', async () => {
    const page = await open()
    await askUpToGate(page)
    await page.getByRole('region', { name: 'Tokens of the thinking' }).focus()
    await page.locator('.tip').waitFor()
    await page.keyboard.press('Escape')
    expect([await page.locator('.tip').count(), await stopped(page).count()]).toEqual([0, 0])
    await page.keyboard.press('ArrowRight')
    await page.locator('.tip').waitFor()
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await stopped(page).waitFor()
  })

  test.each(['light', 'dark'] as const)('has no violation of WCAG 2.2 AA while it runs, %s', async (colorScheme) => {
    const page = await open({ colorScheme })
    await askUpToGate(page)
    expect(await violations(page)).toEqual([])
  })

  test('has targets of 44 px for a finger, whatever the width', async () => {
    const page = await open({ ...tablet, hasTouch: true, isMobile: true })
    await askUpToGate(page)
    gate.open()
    await page.locator('.tools').waitFor()
    await page.getByText('More settings').click()
    await page.getByText('What the looks of a token mean').click()
    const small = await page.evaluate<string[]>(`
      [...document.querySelectorAll('button, select, input, textarea, summary, .strip')]
        .filter((one) => one.checkVisibility() && !one.classList.contains('unseen'))
        .map((one) => one.type === 'checkbox' ? one.closest('label') : one)
        .filter((one) => { const { width, height } = one.getBoundingClientRect(); return Math.min(width, height) < 44 })
        .map((one) => one.outerHTML.slice(0, 120))`)
    expect(small).toEqual([])
    expect(await page.locator('.evictions tbody button').count()).toBeGreaterThan(0)
  })

  test.each([
    ['a desktop', { viewport: { width: 1280, height: 860 } }],
    ['a tablet', tablet],
    ['a phone', phone],
  ])('fits on %s with text of twice the size', async (_, options) => {
    const page = await open(options, 32)
    expect(await page.evaluate('getComputedStyle(document.documentElement).fontSize')).toBe('32px')
    expect(await overflow(page)).toBe(0)
    await askUpToGate(page)
    gate.open()
    await page.locator('.tools').waitFor()
    await page.getByText('More settings').click()
    const bar = page.locator('.run-bar button')
    if (await bar.isVisible()) await bar.click()
    expect(await page.locator('.panel-body').isVisible()).toBe(true)
    expect(await overflow(page)).toBe(0)
    // Nothing is cut off within a box either, but where it scrolls.
    const cut = await page.evaluate<string[]>(`
      [...document.querySelectorAll('header *, .composer *, .panel *, .run *')]
        .filter((one) => one.checkVisibility() && one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 1)
        .filter((one) => !one.closest('.unseen, [aria-hidden=true], .scrolls, .chart, select, input, textarea'))
        .map((one) => one.outerHTML.slice(0, 120))`)
    expect(cut).toEqual([])
  })
})
