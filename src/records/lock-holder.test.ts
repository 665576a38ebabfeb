import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { createInterface } from 'node:readline'
import { expect, test, vi } from 'vitest'
import { stateOf } from './lock-holder.ts'

test.runIf(process.platform === 'linux')(
  'who was killed holds nothing, even while its parent does not ask for it',
  async () => {
    // The shell becomes a program that never asks how its child ended.
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] })
    try {
      const [line] = (await once(createInterface(parent.stdout), 'line')) as [string]
      const holder = { id: 'theirs', pid: Number(line), host: hostname() }
      expect(stateOf(holder)).toBe('alive')
      process.kill(holder.pid, 'SIGKILL')
      await vi.waitFor(() => expect(stateOf(holder)).toBe('gone'), { timeout: 10_000 })
      // It is listed still.
      expect(process.kill(holder.pid, 0)).toBe(true)
    } finally {
      parent.kill('SIGKILL')
    }
  },
)
