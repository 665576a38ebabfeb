/** The page, in a real browser, with a real server and the embedded model. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { scratch } from '../cli/run-dynts.ts'
import { startDyntsServe, type DyntsServer } from '../server/start-dynts-serve.ts'
import { BreakingProxy } from '../support/breaking-proxy.ts'
import { overflow, violations } from './accessibility.ts'
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

    test('the strip tells by height what is gone, what is held, and what the windows hold', async () => {
      const heights = await page.evaluate<number[]>(`(() => {
        const canvas = document.querySelector('.strip canvas')
        const { width, height } = canvas
        const { data } = canvas.getContext('2d').getImageData(0, 0, width, height)
        const filled = (x) => Array.from({ length: height }, (_, y) => data[4 * (y * width + x) + 3] > 0 ? 1 : 0)
        return Array.from({ length: width }, (_, x) => Math.round(3 * filled(x).reduce((a, b) => a + b) / height))
      })()`)
      expect(new Set(heights)).toEqual(new Set([1, 2, 3]))
      expect([heights[0], heights.at(-1)]).toEqual([3, 3])
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
        result: { cache: { cells: { final: number; full: number }; evictions: number; evicted_tokens: number } }
      }
      const { cache } = file.result
      expect(cache.evictions).toBeGreaterThan(1)
      await page.getByLabel('as tokens').check()
      // The last token has no cell: nothing was computed of it.
      expect(await page.locator('.run .t:not(.gone)').count()).toBe(cache.cells.final + 1)
      expect(await page.locator('.run .t.gone').count()).toBe(cache.evicted_tokens)
      expect(await page.locator('.evictions tbody tr').count()).toBe(cache.evictions)
      expect(await page.locator('.run .t').count()).toBe(cache.cells.full + 1)
      expect(wrong).toEqual([])
    })
  })

  test('answer now, by keyboard alone', async () => {
    // So hot, it hardly ever closes its thinking itself; when it does, another seed is tried.
    const closedBy = async (seed: number) => {
      const { page, wrong } = await open({}, `#seed=${seed}&temperature=5&maxTokens=1200`)
      await ask(page, question)
      await page.locator('.thinking .t').nth(3).waitFor()
      await page.getByRole('region', { name: 'Tokens of the question' }).focus()
      await page.keyboard.press('a')
      await done(page)
      const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('d')])
      const { result } = JSON.parse(readFileSync(await download.path(), 'utf8')) as {
        result: { cache: { thinking_closed: string } }
      }
      expect(wrong).toEqual([])
      return result.cache.thinking_closed
    }
    let closed = ''
    for (let seed = 1; seed <= 6 && closed !== 'client'; seed++) closed = await closedBy(seed)
    expect(closed).toBe('client')
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
    expect(await violations(page)).toEqual([])
    expect(await page.locator('.banner.bad').innerText()).toContain('broken.json is no run of dynts')
    await context.close()
  })

  test.each(['light', 'dark'] as const)('a question that is refused says why, %s', async (colorScheme) => {
    const { page, wrong } = await open({ colorScheme }, '#budget=40')
    await ask(page, question)
    await page.getByRole('alert').first().waitFor()
    expect(await page.locator('.run .banner.bad').innerText()).toMatch(/exceeds the available context size/)
    expect(await violations(page)).toEqual([])
    expect(wrong).toEqual([])
  })

  test('the budget begins where the prompt can be carried out', async () => {
    const { page, wrong } = await open()
    const slider = page.getByRole('slider', { name: 'budget' })
    const answered = page.waitForResponse((response) => response.request().postData()?.includes(question) === true)
    await page.getByLabel('Your question').fill(question)
    const { input_tokens: tokens } = (await (await answered).json()) as { input_tokens: number }
    const statusOf = async (budget: number) => {
      const body = JSON.stringify({ messages: [{ role: 'user', content: question }], dynts: { budget } })
      return (await fetch(`${server.url}/v1/chat/completions/input_tokens`, { method: 'POST', body })).status
    }
    await expect.poll(async () => Number(await slider.getAttribute('min')), { timeout: 10_000 }).toBeGreaterThan(tokens)
    const least = Number(await slider.getAttribute('min'))
    expect([await statusOf(least - 1), await statusOf(least)]).toEqual([400, 200])
    expect(wrong).toEqual([])
  })

  test('how far a long prompt is read is shown', async () => {
    const long = Array.from({ length: 40 }, (_, i) => generateChainProblem(i, { people: 4 }).question).join(' ')
    await using roomy = await startDyntsServe(['--policy', 'full', '--cells', '2048', '--log-level', 'error'])
    const page = await (await browser.newContext()).newPage()
    await page.goto(`${roomy.url}/#maxTokens=3`)
    await page.locator('.state.ok').waitFor()
    await page.evaluate(`
      globalThis.seen = []
      new MutationObserver(() => {
        const progress = document.querySelector('.waiting progress')
        if (progress) seen.push([progress.value, progress.max, progress.nextElementSibling.textContent])
      }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true })`)
    await ask(page, long)
    await done(page)
    const seen = await page.evaluate<[number, number, string][]>('seen')
    const [value, most, text] = seen[0] ?? []
    expect(value).toBeLessThan(most ?? 0)
    expect(text?.replaceAll(',', '')).toBe(`${value} of ${most} tokens`)
    await page.context().close()
  })

  test('its files are sent as the build compressed them, and unpacked to who cannot', async () => {
    const get = (path: string, encoding: string) =>
      fetch(`${server.url}${path}`, { headers: { 'accept-encoding': encoding } })
    const html = await (await get('/', 'identity')).text()
    const paths = ['/', ...[...html.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, path = '']) => path)]
    expect(paths.length).toBeGreaterThan(2)
    for (const path of paths) {
      const [plain, zipped] = [await get(path, 'identity'), await get(path, 'gzip, br')]
      expect([plain, zipped].map(({ headers }) => headers.get('content-encoding'))).toEqual([null, 'gzip'])
      expect(zipped.headers.get('cache-control')).toMatch(path === '/' ? 'no-cache' : 'immutable')
      expect(await zipped.text()).toBe(await plain.text())
    }
    expect((await get('/assets/..%2findex.html', 'gzip')).status).toBe(404)
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

  test.each([
    ['question-window', [/goes by age alone/, /question: never evicted/], [/the score/, /may evict the question/]],
    ['window', [/goes by age alone/, /may evict the question/], [/the score/, /which stay/, /never evicted/]],
    ['random', [/by the score at the last eviction/, /which stay/], [/goes by age/]],
    ['full', [/every token stays/], [/score/, /evicted/]],
  ])('under %s the legend says what is true of it, before a run and after', async (policy, says, saysNot) => {
    const { page, wrong } = await open({}, `#seed=1&temperature=0&policy=${policy}`)
    const legend = async () => (await page.locator('.legend').textContent())?.replace(/\s+/g, ' ') ?? ''
    const check = async () => {
      // What the server can do is asked for once the page is there.
      for (const part of says) await expect.poll(legend, { timeout: 10_000 }).toMatch(part)
      for (const part of saysNot) expect(await legend()).not.toMatch(part)
    }
    await check()
    await ask(page, question)
    await done(page)
    await check()
    const ramp = page.locator('.run .t:is(.r0, .r1, .r2, .r3, .r4, .r5)')
    expect((await ramp.count()) > 0).toBe(policy === 'random')
    if (policy === 'question-window') {
      await page.locator('.thinking .t.gone').first().hover()
      expect(await page.locator('.tip').innerText()).not.toContain('score')
    }
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
    ['1280 px, light', { viewport: { width: 1280, height: 800 }, colorScheme: 'light' as const }],
  ])('%s: no violation of WCAG 2.2 AA, and nothing is wider than the page', async (_, options) => {
    const { page, wrong } = await open(options, '#seed=1')
    expect(await violations(page)).toEqual([])
    await ask(page, question)
    await done(page)
    const bar = page.locator('.run-bar button')
    if (await bar.isVisible()) await bar.click()
    expect(await violations(page)).toEqual([])
    expect(await overflow(page)).toBe(0)
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
      ...{ request: { question: payloads.join(''), body: {} }, events, answer: payloads.join('\n\n'), result: null },
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
