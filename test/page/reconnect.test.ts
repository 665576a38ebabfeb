/** The page when its connection breaks, when it is loaded anew, and when it is left: an answer is picked up where it was, and Stop ends it. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { scratch } from '../cli/run-dynts.ts'
import { startDyntsServe, until, type DyntsServer } from '../server/start-dynts-serve.ts'
import { BreakingProxy } from '../support/breaking-proxy.ts'
import { gatedPolicy } from '../support/gated-policy.ts'
import { hasChromium, startChromium } from './chromium.ts'

const question = generateChainProblem(7, { people: 14 }).question
const lost = 'The connection is lost'

const gate = gatedPolicy(scratch, 'page')
let server: DyntsServer
let proxy: BreakingProxy
let browser: Browser
beforeAll(async () => {
  if (!hasChromium) return
  server = await startDyntsServe([
    ...['--parallel', '2', '--budget', '250', '--local-window', '32', '--policy', gate.policy],
  ])
  proxy = await BreakingProxy.start(server.url)
  browser = await startChromium()
})
afterAll(async () => {
  if (!hasChromium) return
  await browser.close()
  await proxy.stop()
  await server.stop()
})

const pages: Page[] = []
beforeEach(() => gate.close())
afterEach(async () => {
  gate.open()
  proxy.mend()
  for (const page of pages.splice(0)) await page.context().close()
})

interface Opened {
  readonly page: Page
  readonly wrong: string[]
}

async function open(): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 } })
  context.setDefaultTimeout(15_000)
  const page = await context.newPage()
  pages.push(page)
  const wrong: string[] = []
  page.on('pageerror', ({ message }) => wrong.push(message))
  await page.goto(`${proxy.url}/#seed=1&temperature=0`)
  await page.locator('.state.ok').waitFor()
  return { page, wrong }
}

/** Until the generation stands at its first eviction, and all before it is seen. */
async function askUpToGate(page: Page): Promise<number> {
  await page.getByLabel('Your question').fill(question)
  await page.getByLabel('Your question').press('Enter')
  await until(() => gate.isReached())
  await expect.poll(() => page.locator('.panel .big strong').textContent(), { timeout: 30_000 }).toBe('250')
  return await tokens(page).count()
}

const tokens = (page: Page) => page.locator('.run .thinking .t')
const textOf = (page: Page) => page.locator('.run .thinking .tokens').innerText()
const noteOf = (page: Page) => page.locator('.run > .note').innerText()

/** Those that have ended, by the server's log, from a place in it on. */
function generations(from: number): { finish: string; tokens: number }[] {
  const lines = server.stderr().slice(from).split('\n')
  return lines.flatMap((line) =>
    line.includes('"msg":"generation"') ? [JSON.parse(line) as { finish: string; tokens: number }] : [],
  )
}

async function disconnects(): Promise<number> {
  const metrics = await (await fetch(`${server.url}/metrics`)).text()
  const counts = [...metrics.matchAll(/^dynts:client_disconnects_total\{[^}]*\} (\d+)$/gm)]
  return counts.reduce((sum, [, count]) => sum + Number(count), 0)
}

interface Shown {
  readonly text: string
  readonly tokens: number
  readonly note: string
}

/** What the page shows of a run whose connection holds. */
async function undisturbed(): Promise<Shown> {
  gate.open()
  const { page } = await open()
  await page.getByLabel('Your question').fill(question)
  await page.getByLabel('Your question').press('Enter')
  await page.locator('.tools').waitFor()
  const seen = { text: await textOf(page), tokens: await page.locator('.run .t').count(), note: await noteOf(page) }
  gate.close()
  return { ...seen, note: withoutSpeed(seen.note) }
}

/** How fast it was, and what of the prompt was known, differs. */
const withoutSpeed = (note: string) => note.replace(/ · [\d.]+ tokens\/s[^]*/, '')

describe.runIf(hasChromium)('the page', () => {
  let whole: Shown
  beforeAll(async () => {
    if (hasChromium) whole = await undisturbed()
  })

  test('whose connection breaks says so, and picks the answer up where it was', async () => {
    const { page, wrong } = await open()
    const seen = await askUpToGate(page)
    const from = server.stderr().length
    proxy.break()
    await page.getByText(lost).waitFor()
    expect(await tokens(page).count()).toBe(seen)
    // It goes on without the page.
    gate.open()
    await until(() => generations(from).length === 1)
    proxy.mend()
    await page.locator('.tools').waitFor()
    expect(await textOf(page)).toBe(whole.text)
    expect(await page.locator('.run .t').count()).toBe(whole.tokens)
    expect(withoutSpeed(await noteOf(page))).toBe(whole.note)
    expect(await page.getByText(lost).count()).toBe(0)
    expect(generations(from)).toHaveLength(1)
    expect(wrong).toEqual([])
  })

  test('whose network comes and goes loses nothing', async () => {
    const { page, wrong } = await open()
    await askUpToGate(page)
    const from = server.stderr().length
    for (let i = 0; i < 3; i++) {
      proxy.cut()
      await page.waitForTimeout(50)
    }
    gate.open()
    proxy.cut()
    await page.locator('.tools').waitFor()
    const positions = await tokens(page).count()
    expect(generations(from).map(({ finish }) => finish)).toEqual(['stop'])
    expect(await page.locator('.run .t').count()).toBeGreaterThan(positions)
    expect(wrong).toEqual([])
  })

  test('that is loaded anew shows all that came, and what follows', async () => {
    const { page, wrong } = await open()
    const seen = await askUpToGate(page)
    const from = server.stderr().length
    await page.reload()
    await expect.poll(() => tokens(page).count()).toBe(seen)
    gate.open()
    await page.locator('.tools').waitFor()
    expect(await textOf(page)).toBe(whole.text)
    expect(generations(from).map(({ finish }) => finish)).toEqual(['stop'])
    // The page that was left had asked for its end, had nobody come back.
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    expect(metrics).toMatch(/http_requests_total\{path="\/v1\/stream",status="204"/)
    // What has ended is shown again, and asked further about.
    await page.reload()
    await page.locator('.tools').waitFor()
    expect(await textOf(page)).toBe(whole.text)
    expect(generations(from)).toHaveLength(1)
    await page.getByLabel('Your question').fill('Ava has 5 coins. How many coins does Ava have?')
    await page.getByLabel('Your question').press('Enter')
    await page.locator('.earlier').waitFor()
    await page.locator('.tools').waitFor()
    await page.reload()
    await page.locator('.earlier').waitFor()
    expect(await page.locator('.earlier .question').innerText()).toBe(question)
    // A new conversation is new after that, too.
    await page.locator('.tools').waitFor()
    await page.getByRole('button', { name: 'New' }).click()
    await page.reload()
    await page.locator('.state.ok').waitFor()
    await page.getByText('Watch a model think').waitFor()
    expect(wrong).toEqual([])
  })

  test.each(['with a connection', 'without one'])('whose run is stopped %s ends it at the server', async (how) => {
    const { page, wrong } = await open()
    const seen = await askUpToGate(page)
    const from = server.stderr().length
    const before = await disconnects()
    if (how === 'without one') {
      proxy.break()
      await page.getByText(lost).waitFor()
    }
    await page.keyboard.press('Escape')
    await page.getByText('stopped ·').waitFor()
    expect(await tokens(page).count()).toBe(seen)
    if (how === 'without one') {
      // Stopped is stopped, also for who loads the page anew as soon as that is possible.
      proxy.mend()
      await page.reload()
      await page.getByText('Watch a model think').waitFor()
    }
    await until(async () => (await disconnects()) > before)
    gate.open()
    await until(() => generations(from).length > 0)
    expect(generations(from).map(({ finish }) => finish)).toEqual(['cancelled'])
    expect(wrong).toEqual([])
  })

  test('whose answer is not kept any more says so', async () => {
    const { page } = await open()
    await askUpToGate(page)
    const stored = await page.evaluate<string>("sessionStorage.getItem('dynts-turn')")
    const id = (JSON.parse(stored) as { run: { conversation: string } }).run.conversation
    expect((await fetch(`${server.url}/v1/stream?conv_id=${id}`, { method: 'DELETE' })).status).toBe(204)
    await page.reload()
    await page.getByText('is not kept any more').waitFor()
    await page.getByText('Watch a model think').waitFor()
  })

  test('asks again by itself when the engine has died over its question', async () => {
    const { page, wrong } = await open()
    await askUpToGate(page)
    process.kill(server.enginePid()!, 'SIGKILL')
    gate.open()
    await page.locator('.tools').waitFor({ timeout: 30_000 })
    await page.getByText('ended by the model').waitFor()
    expect(wrong).toEqual([])
  })
})
