/** What is seen of a server from outside while it is under load. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, setGlobalDispatcher } from 'undici'
import type { DyntsServer } from '../server/start-dynts-serve.ts'
import { observer } from './keys.ts'

/** Connections of this process that nobody uses are closed soon, so that the server's can be counted. */
export function closeIdleConnections(): void {
  setGlobalDispatcher(new Agent({ keepAliveTimeout: 500, keepAliveMaxTimeout: 500 }))
}

export interface Health {
  readonly at: number
  readonly ms: number
  readonly status: number
}

/** Asks for the health at this interval until it is stopped. */
export function watchHealth(url: string, everyMs: number): { readonly seen: readonly Health[]; stop(): Promise<void> } {
  const seen: Health[] = []
  const watch = { isOn: true }
  const done = (async () => {
    while (watch.isOn) {
      const at = performance.now()
      const { status } = await fetch(`${url}/health`)
      seen.push({ at, ms: performance.now() - at, status })
      await sleep(everyMs)
    }
  })()
  const stop = () => {
    watch.isOn = false
    return done
  }
  return { seen, stop }
}

export interface Footprint {
  /** MiB of resident memory. */
  readonly server: number
  readonly engine: number
  /** Open files of the HTTP process, sockets included. */
  readonly files: number
}

export function footprint({ process: { pid }, enginePid }: DyntsServer): Footprint {
  return {
    server: residentMiB(pid),
    engine: residentMiB(enginePid()),
    files: readdirSync(`/proc/${pid}/fd`).length,
  }
}

function residentMiB(pid: number | undefined): number {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Math.round(Number(kilobytes) / 102.4) / 10
}

/** What is wrong with a server that nobody asks any more. */
export async function leftBehind({ url }: DyntsServer): Promise<string[]> {
  const { headers } = observer
  const slots = (await (await fetch(`${url}/slots`, { headers })).json()) as { is_processing: boolean }[]
  const metrics = await (await fetch(`${url}/metrics`, { headers })).text()
  const isZero = (name: string) => new RegExp(`^dynts:${name}\\{[^}]*\\} 0$`, 'm').test(metrics)
  return [
    ...(slots.some(({ is_processing }) => is_processing) ? ['a slot is taken although nobody asks'] : []),
    ...['cells_used', 'num_requests_running', 'num_requests_waiting']
      .filter((name) => !isZero(name))
      .map((name) => `${name} is not 0 although nobody asks`),
  ]
}

/** The value below which this share of them is, rounded. */
export function quantile(values: readonly number[], share: number): number {
  return Math.round([...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? 0)
}

/** Prints what was counted, and what was wrong; the exit code is 1 if anything was. */
export function tell(figures: object, wrong: readonly string[]): void {
  console.log(JSON.stringify({ ...figures, wrong: wrong.length }, null, 2))
  for (const one of wrong.slice(0, 20)) console.error(`WRONG: ${one}`)
  process.exitCode = wrong.length > 0 ? 1 : 0
}
