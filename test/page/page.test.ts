/** The page, in a real browser, with a real server and the embedded model. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { scratch } from '../cli/run-dynts.ts'
import { startDyntsServe, type DyntsServer } from '../server/start-dynts-serve.ts'
import { BreakingProxy } from '../support/breaking-proxy.ts'
import { hasChromium, startChromium } from './chromium.ts'

const question = generateChainProblem(7, { people: 14 }).question

let server: DyntsServer
let browser: Browser
beforeAll(async () => {
  if (!hasChromium) return
  server = await startDyntsServe(['--parallel', '2', '--cells', '512', '--log-level', 'error'])
  browser = await startChromium()
})
afterAll(async () => {
  if (!hasChromium) return
  await browser.close()
  await server.stop()
})

interface Opened {
  readonly page: Page
  /** Errors of the page, what its policy refused, and requests to anywhere else. */
  readonly wrong: string[]
}

async function open(options: BrowserContextOptions = {}, hash = ''): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options })
  const page = await context.newPage()
  const wrong: string[] = []
  page.on('pageerror', ({ message }) => wrong.push(message))
  page.on('console', (message) => {
    if (/Content Security Policy|Uncaught/.test(message.text())) wrong.push(message.text())
  })
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(server.url)) wrong.push(request.url())
  })
  await page.goto(`${server.url}/${hash}`)
  await page.locator('.state.ok').waitFor()
  return { page, wrong }
}

async function ask(page: Page, text: string): Promise<void> {
  await page.getByLabel('Your question').fill(text)
  await page.getByLabel('Your question').press('Enter')
}

async function done(page: Page): Promise<void> {
  await page.locator('.tools').waitFor()
}

/** Takes the focus from any field, so that keys are the page's. */
async function leaveField(page: Page): Promise<void> {
  await page.evaluate('document.activeElement?.blur()')
}

/** What is wrong by the rules of WCAG 2.2, levels A and AA. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const only = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }
  const { violations } = await page.evaluate<axe.AxeResults>(`axe.run(document, ${JSON.stringify({ runOnly: only })})`)
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''} ${nodes[0]?.failureSummary ?? ''}`)
}

describe.runIf(hasChromium)('the page', () => {
  describe('after a run', () => {
    let page: Page
    let wrong: string[]
    beforeAll(async () => {
      if (!hasChromium) return
      ;({ page, wrong } = await open({}, '#seed=1&temperature=0'))
      await ask(page, question)
      await done(page)
    })

    test('a token tells about itself, by pointer and by keyboard', async () => {
      await page.locator('.thinking .t.gone').first().hover()
      expect(await page.locator('.tip').innerText()).toMatch(/score[\s\S]*left at step \d+, at the 1st eviction/)
      await page.getByRole('region', { name: 'Tokens of the thinking' }).focus()
      await page.keyboard.press('End')
      expect(await page.locator('.tip').innerText()).toContain('</think>')
      await page.keyboard.press('ArrowUp')
      await page.keyboard.press('Home')
      expect(await page.locator('.tip').innerText()).toMatch(/position \d+, thinking/)
      expect(wrong).toEqual([])
    })

    test('the slider goes back to what was held then, the keys to evictions', async () => {
      const gone = () => page.locator('.run .thinking .t.gone').count()
      const atEnd = await gone()
      await leaveField(page)
      await page.keyboard.press('Shift+E')
      const [step] =
        /at step ([\d,]+)/.exec(await page.locator('.panel h2', { hasText: 'at step' }).innerText())?.slice(1) ?? []
      expect(step).toBeDefined()
      await page.getByRole('slider', { name: 'step' }).fill('1')
      expect(await gone()).toBe(0)
      expect(await page.locator('.run .thinking .t:visible').count()).toBe(1)
      await page.getByRole('slider', { name: 'step' }).press('End')
      expect(await gone()).toBe(atEnd)
      expect(wrong).toEqual([])
    })

    test('the text has as many held tokens as the server counted cells', async () => {
      await leaveField(page)
      const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('d')])
      const file = JSON.parse(readFileSync(await download.path(), 'utf8')) as {
        events: [number, { type: string; position?: number }][]
        end: { result: { cells: { final: number; full: number }; evictions: number; evicted_tokens: number } }
      }
      const { result } = file.end
      expect(result.evictions).toBeGreaterThan(1)
      await page.getByLabel('as tokens').check()
      // The last token has no cell: nothing was computed of it.
      expect(await page.locator('.run .t:not(.gone)').count()).toBe(result.cells.final + 1)
      expect(await page.locator('.run .t.gone').count()).toBe(result.evicted_tokens)
      expect(await page.locator('.evictions tbody tr').count()).toBe(result.evictions)
      expect(await page.locator('.run .t').count()).toBe(result.cells.full + 1)
      expect(wrong).toEqual([])
    })
  })

  test('answer now, by keyboard alone', async () => {
    // So hot, with this seed, it would think to the last token.
    const { page, wrong } = await open({}, '#seed=1&temperature=5&maxTokens=1200')
    await ask(page, question)
    await page.locator('.thinking .t').nth(3).waitFor()
    await page.getByRole('region', { name: 'Tokens of the question' }).focus()
    await page.keyboard.press('a')
    await done(page)
    const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('d')])
    const { end } = JSON.parse(readFileSync(await download.path(), 'utf8')) as {
      end: { result: { thinking_closed: string } }
    }
    expect(end.result.thinking_closed).toBe('client')
    expect(wrong).toEqual([])
  })

  test('stop, by keyboard alone; what came stays', async () => {
    const { page, wrong } = await open({}, '#seed=4&temperature=5&maxTokens=1200')
    await ask(page, question)
    await page.locator('.run .thinking .t').nth(3).waitFor()
    await page.keyboard.press('Escape')
    await page.getByText('stopped ·').waitFor()
    expect(await page.locator('.run .thinking .t').count()).toBeGreaterThan(3)
    await page.getByRole('button', { name: 'New' }).click()
    await page.getByText('Watch a model think').waitFor()
    expect(wrong).toEqual([])
  })

  test('compares with the full cache: the same tokens up to the first eviction', async () => {
    const { page, wrong } = await open({}, '#seed=5')
    await ask(page, question)
    await done(page)
    await page.getByRole('button', { name: 'Compare' }).click()
    await page.getByText('cells at most').waitFor()
    const unfinished = page.locator('section[aria-label=Comparison] td', { hasText: '…' })
    await expect.poll(() => unfinished.count(), { timeout: 30_000 }).toBe(0)
    const cells = await page.locator('section[aria-label=Comparison] tr', { hasText: 'evictions' }).innerText()
    expect(cells).toMatch(/evictions\s+[1-9]\d*\s+0/)
    const first = Number(await page.locator('.evictions tbody tr td:nth-child(2)').first().innerText())
    const said = await page.locator('section[aria-label=Comparison] .note').innerText()
    const parted = Number(/at generated token (\d+)/.exec(said)?.[1] ?? Infinity)
    expect(parted).toBeGreaterThan(first)
    expect(await violations(page)).toEqual([])
    expect(wrong).toEqual([])
  })

  test('a run is saved, and opened with the server gone', async () => {
    const proxy = await BreakingProxy.start(server.url)
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(`${proxy.url}/#seed=1`)
    await page.locator('.state.ok').waitFor()
    await ask(page, question)
    await done(page)
    const shown = await page.locator('.thinking .tokens').innerText()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download' }).click(),
    ])
    const saved = join(mkdtempSync(join(scratch, 'page-')), 'run.json')
    await download.saveAs(saved)
    await proxy.stop()
    await page.locator('input[type=file]').setInputFiles(saved)
    await page.getByText('From the file run.json').waitFor()
    expect(await page.locator('.thinking .tokens').innerText()).toBe(shown)
    expect(await page.locator('.thinking .t.gone').count()).toBeGreaterThan(0)
    const broken = saved.replace('run.json', 'broken.json')
    writeFileSync(broken, readFileSync(saved, 'utf8').replace('"type":"start"', '"type":"begin"'))
    await page.locator('input[type=file]').setInputFiles(broken)
    expect(await page.locator('.banner.bad').innerText()).toContain('broken.json is no run of dynts')
    await context.close()
  })

  test('settings that cannot work are told in the words of the server', async () => {
    const { page, wrong } = await open()
    await page.getByText('More settings').click()
    await page.getByLabel('local window').fill('319')
    await page.getByLabel('local window').press('Tab')
    expect(await page.locator('.refusal').innerText()).toContain('local')
    await page.getByRole('button', { name: 'Defaults' }).click()
    await page.locator('.refusal').waitFor({ state: 'detached' })
    expect(wrong).toEqual([])
  })

  test('a follow-up question reuses the prompt', async () => {
    const { page, wrong } = await open({}, '#seed=1&thinkingBudget=8')
    await ask(page, generateChainProblem(1, { people: 6 }).question)
    await done(page)
    await ask(page, 'Ava has 5 coins. How many coins does Ava have?')
    await page.locator('.earlier').waitFor()
    await done(page)
    expect(await page.locator('.run > .note').innerText()).toMatch(/[1-9]\d* of \d+ prompt tokens reused/)
    expect(wrong).toEqual([])
  })

  test.each([
    ['320 px, light', { viewport: { width: 320, height: 640 }, colorScheme: 'light' as const }],
    ['768 px, dark', { viewport: { width: 768, height: 900 }, colorScheme: 'dark' as const }],
    ['1280 px, dark', { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' as const }],
    ['1280 px, light', { viewport: { width: 1280, height: 800 }, colorScheme: 'light' as const }],
  ])('%s: no violation of WCAG 2.2 AA, and nothing is wider than the page', async (_, options) => {
    const { page, wrong } = await open(options, '#seed=1')
    expect(await violations(page)).toEqual([])
    await ask(page, question)
    await done(page)
    const bar = page.locator('.panel .bar')
    if (await bar.isVisible()) await bar.click()
    expect(await violations(page)).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
    expect(wrong).toEqual([])
  })

  test('nothing that stands in a text or a file runs', async () => {
    const { page, wrong } = await open({}, '#seed=1')
    const payloads = [
      '<script>globalThis.ran = 1</script>',
      '<img src=x onerror="globalThis.ran = 1">',
      '<svg onload="globalThis.ran = 1"><a href="javascript:globalThis.ran = 1">x</a></svg>',
      '<math><mtext href="javascript:globalThis.ran = 1">x</mtext></math>',
      '</style><script>globalThis.ran = 1</script>',
      '[link](javascript:globalThis.ran=1) ![picture](http://example.com/x.png) [good](https://example.com)',
      '$\\href{javascript:globalThis.ran=1}{x}$ $\\def\\a{\\a\\a}\\a$ $' + '{'.repeat(4000) + '$',
      '<iframe srcdoc="<script>parent.ran = 1</script>"></iframe><form action=/x><input name=y></form>',
    ]
    const events = [
      [0, { ...start, prompt: payloads.map((text, i) => [i, text]), prompt_tokens: payloads.length }],
      ...payloads.map((text, i) => [
        i,
        { type: 'token', position: payloads.length + i, token: i, text, phase: 'thinking', cells: 3 },
      ]),
    ]
    const file = {
      ...{ schema: 'dynts-run/1', created: '', server: { version: '<b>x' }, model: { name: payloads[1] } },
      ...{ request: { question: payloads.join(''), body: {} }, events, answer: payloads.join('\n\n'), end: null },
    }
    const path = join(mkdtempSync(join(scratch, 'page-')), 'payload.json')
    writeFileSync(path, JSON.stringify(file))
    await page.locator('input[type=file]').setInputFiles(path)
    await page.locator('.answer-text a').first().waitFor()
    await page.locator('.answer-text :is(math, .temml-error)').first().waitFor({ state: 'attached' })
    for (const link of await page.locator('.answer-text a').all()) {
      const href = await link.getAttribute('href')
      if (href !== null) expect(href).toMatch(/^https:/)
    }
    expect(await page.locator('.answer-text :is(script, img, svg, iframe, form, style)').count()).toBe(0)
    expect(await page.evaluate(() => 'ran' in globalThis)).toBe(false)
    expect(wrong).toEqual([])
  })
})

const start = {
  ...{ type: 'start', policy: 'dynts', budget: 64, local_window: 4, ratio: 0.5, leaving: 4, max_tokens: 9, seed: 1 },
}
