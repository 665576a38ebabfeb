import { describe, expect, test } from 'vitest'
import { Pool } from './pool.ts'

/** A pool of names that notes what it does. */
function noted() {
  const events: string[] = []
  const pool = new Pool<string, string>({
    open: (name) => {
      events.push(`open ${name}`)
      return name === 'broken' ? Promise.reject(new Error('cannot be opened')) : Promise.resolve(name)
    },
    close: (name) => Promise.resolve(void events.push(`close ${name}`)),
    fits: (name, needs) => name === needs,
  })
  return { events, pool }
}

function gate() {
  let open = () => {}
  const passed = new Promise<void>((resolve) => (open = resolve))
  return { passed, open }
}

describe('Pool', () => {
  test('is shared by those who need the same, and changed when all before have finished', async () => {
    const { events, pool } = noted()
    const { passed, open } = gate()
    const use = (name: string) =>
      pool.use(name, async () => {
        events.push(`use ${name}`)
        await passed
      })
    const all = [use('a'), use('a'), use('b'), use('a')]
    await new Promise(setImmediate)
    // The last waits behind the third, although what it needs is open: else the third might wait for ever.
    expect(events).toEqual(['open a', 'use a', 'use a'])
    open()
    await Promise.all(all)
    expect(events.slice(3)).toEqual(['close a', 'open b', 'use b', 'close b', 'open a', 'use a'])
    await pool.close()
    expect(events.at(-1)).toBe('close a')
  })

  test('a failure is that of its user alone', async () => {
    const { events, pool } = noted()
    await expect(pool.use('broken', () => Promise.resolve())).rejects.toThrow('cannot be opened')
    await expect(pool.use('a', () => Promise.reject(new Error('its own')))).rejects.toThrow('its own')
    expect(await pool.use('a', (name) => Promise.resolve(name))).toBe('a')
    await pool.close()
    await pool.close()
    expect(events).toEqual(['open broken', 'open a', 'close a'])
  })
})
