/** A policy under which a generation stands still at its first eviction until a gate is opened, so that nothing depends on which is faster. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Generations that begin between two closings have one gate: once opened, it stays open to them, also if it is closed to the
 * next before they have looked.
 *
 * @param folder for its files, which are the caller's to remove
 */
export function gatedPolicy(folder: string, name: string) {
  const gate = join(folder, `gate-${name}`)
  const policy = `${gate}.mjs`
  writeFileSync(
    policy,
    `import { existsSync, readFileSync, writeFileSync } from 'node:fs'
    const gate = ${JSON.stringify(gate)}
    const nothing = new Int32Array(new SharedArrayBuffer(4))
    export default { name: 'gated', create: () => {
      const own = gate + '-' + readFileSync(gate, 'utf8')
      return { score(candidates) {
        writeFileSync(own + '.reached', '')
        for (let i = 0; !existsSync(own + '.open'); i++) {
          if (i === 30_000) throw new Error('nobody opened the gate')
          Atomics.wait(nothing, 0, 0, 2)
        }
        return Float32Array.from(candidates)
      } }
    } }`,
  )
  let count = 0
  const close = () => writeFileSync(gate, String(++count))
  close()
  return {
    policy,
    isReached: () => existsSync(`${gate}-${count}.reached`),
    open: () => writeFileSync(`${gate}-${count}.open`, ''),
    /** To the generations that begin from now on. */
    close,
  }
}
