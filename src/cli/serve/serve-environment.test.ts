import { Command } from 'commander'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { InputError } from '../../errors.ts'
import { strayVariables } from './serve-environment.ts'
import { addServeOptions, type ServeFlags } from './serve-options.ts'

const serve = () => addServeOptions(new Command('serve')).exitOverride()

async function flagsOf(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
  let given: ServeFlags | undefined
  await serve()
    .action((flags: ServeFlags) => void (given = flags))
    .parseAsync(args, { from: 'user' })
  vi.unstubAllEnvs()
  return given!
}

describe('environment variables of dynts serve', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
    vi.restoreAllMocks()
  })

  const switches = serve()
    .options.filter(({ flags }) => !/[<[]/.test(flags))
    .map(({ long }) => long!)

  test.each(switches)('%s by its own name: yes is the flag, no is nothing', async (flag) => {
    const name = `DYNTS_${flag.slice('--'.length).replaceAll('-', '_').toUpperCase()}`
    const [given, nothing] = [await flagsOf([flag]), await flagsOf([])]
    expect(given).not.toEqual(nothing)
    for (const yes of ['1', 'true', 'YES', 'on ']) expect(await flagsOf([], { [name]: yes })).toEqual(given)
    for (const no of ['0', 'False', 'no', 'off']) {
      expect(await flagsOf([], { [name]: no })).toEqual(nothing)
      expect(await flagsOf([flag], { [name]: no })).toEqual(given)
    }
    for (const neither of ['', '2', 'maybe']) {
      const refused = flagsOf([], { [name]: neither })
      await expect(refused).rejects.toThrow(InputError)
      await expect(refused).rejects.toThrow(`${name}=${neither}: it must be`)
    }
  })

  test('of an option with a value it is the value; a flag wins', async () => {
    expect(await flagsOf([], { DYNTS_PARALLEL: '8', DYNTS_ALIAS: 'a,b' })).toMatchObject({
      parallel: 8,
      alias: ['a', 'b'],
    })
    expect((await flagsOf(['--parallel', '2'], { DYNTS_PARALLEL: '8' })).parallel).toBe(2)
  })

  test('what is no option switches nothing, and is told', async () => {
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const nothing = await flagsOf([])
    expect(said).not.toHaveBeenCalled()
    expect(await flagsOf([], { DYNTS_AUTH: '1', DYNTS_PAGE: '0', DYNTS_PARALEL: '8' })).toEqual(nothing)
    expect(said.mock.calls).toEqual([
      ['warning: dynts serve has no options for DYNTS_AUTH, DYNTS_PAGE, DYNTS_PARALEL\n'],
    ])
    expect(strayVariables(serve(), { PATH: 'a', DYNTS_API_KEY: 'b', DYNTS_API_KEYS: 'c' })).toEqual(['DYNTS_API_KEYS'])
  })
})
