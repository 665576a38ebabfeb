/** What is asked of every state of the page: that nobody is shut out, and that nothing is wider than the window. */
import axe from 'axe-core'
import type { Page } from 'playwright-core'

/** What is wrong by the rules of WCAG 2.2, levels A and AA. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const only = { type: 'tag' as const, values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }
  const options: axe.RunOptions = { runOnly: only, resultTypes: ['violations'] }
  const { violations } = await page.evaluate<axe.AxeResults>(`axe.run(document, ${JSON.stringify(options)})`)
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''} ${nodes[0]?.failureSummary ?? ''}`)
}

/** By how many pixels the page is wider than the window. */
export async function overflow(page: Page): Promise<number> {
  return await page.evaluate<number>('Math.max(0, document.documentElement.scrollWidth - innerWidth)')
}

/** As a browser does whose user has set the size of text. */
export async function setTextSize(page: Page, pixels: number): Promise<void> {
  const session = await page.context().newCDPSession(page)
  await session.send('Page.enable')
  await session.send('Page.setFontSizes', { fontSizes: { standard: pixels, fixed: pixels } })
}
