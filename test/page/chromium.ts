/** Debian's Chromium, driven by playwright. */
import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
)

/** Whether there is one: on a machine without it the page's tests are left out, `.ci/run` installs it. */
export const hasChromium = executablePath !== undefined

export async function startChromium(): Promise<Browser> {
  if (executablePath === undefined) throw new Error('there is no chromium')
  return await chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  })
}
