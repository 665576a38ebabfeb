/** A policy under which a generation stands still at its first eviction until a gate is opened, so that nothing depends on which is faster. */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** @param folder for its files, which are the caller's to remove */
export function gatedPolicy(folder: string, name: string) {
  const gate = join(folder, `gate-${name}`)
  const policy = `${gate}.mjs`
  writeFileSync(
    policy,
    `import { existsSync, writeFileSync } from 'node:fs'
    const gate = ${JSON.stringify(gate)}
    const nothing = new Int32Array(new SharedArrayBuffer(4))
    export default { name: 'gated', create: () => ({ score(candidates) {
      writeFileSync(gate + '.reached', '')
      for (let i = 0; !existsSync(gate); i++) {
        if (i === 30_000) throw new Error('nobody opened the gate')
        Atomics.wait(nothing, 0, 0, 2)
      }
      return Float32Array.from(candidates)
    } }) }`,
  )
  return {
    policy,
    isReached: () => existsSync(`${gate}.reached`),
    open: () => writeFileSync(gate, ''),
    /** For the next generation. */
    close: () => [gate, `${gate}.reached`].forEach((file) => rmSync(file, { force: true })),
  }
}
