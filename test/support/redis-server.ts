/**
 * A Redis server of the test's own, on a free port, keeping everything in memory. Where redis-server is not installed, tests that
 * need it are skipped, except in CI.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const isInstalled = spawnSync('redis-server', ['--version']).error === undefined
export const skipsRedis = !isInstalled && process.env['CI'] === undefined
if (skipsRedis) console.warn('Tests of --queue are skipped: redis-server is not installed.')

export interface RedisServer {
  /** `redis://...` */
  readonly address: string
  stop(): Promise<void>
}

export async function startRedis(): Promise<RedisServer> {
  for (;;) {
    const server = await tryToStart(await freePort())
    if (server) return server
  }
}

/** @returns undefined if somebody else has taken the port meanwhile */
async function tryToStart(port: number): Promise<RedisServer | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'dynts-redis-'))
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  const child = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  const isReady = await new Promise<boolean>((resolve, reject) => {
    let said = ''
    child.on('error', reject)
    child.on('exit', (code) => {
      if (said.includes('Address already in use')) resolve(false)
      else reject(new Error(`redis-server ended with ${code}:\n${said}`))
    })
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (said.includes('Ready to accept connections')) resolve(true)
    })
  })
  const stop = async () => {
    child.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  if (isReady) return { address: `redis://127.0.0.1:${port}`, stop }
  await stop()
  return undefined
}

/** Of a port on which nobody listens; somebody else might take it before it is used. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
