/**
 * The licences of the packages whose code is bundled, as one file beside it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'rolldown'

interface BundledPackage {
  readonly name: string
  readonly folder: string
}

/** The package of npm that a module is part of; undefined for a module of ours. */
export function packageOf(moduleId: string): BundledPackage | undefined {
  const found = /^(.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+))[\\/]/.exec(moduleId)
  if (found?.[1] === undefined || found[2] === undefined) return undefined
  return { folder: found[1], name: found[2].replace('\\', '/') }
}

/** Writes the notices into the folder of the output; the build fails if a package comes without a licence. */
export function licenceNotices(fileName: string): Plugin {
  return {
    name: 'licence-notices',
    generateBundle(_options, bundle) {
      const folders = new Set<string>()
      for (const file of Object.values(bundle)) {
        if (file.type !== 'chunk') continue
        for (const id of file.moduleIds) {
          const folder = packageOf(id)?.folder
          if (folder !== undefined) folders.add(folder)
        }
      }
      const notices = [...folders].sort().map(noticeOf)
      const source = `dist/ contains code of these packages.\n\n${notices.join('\n')}`
      this.emitFile({ type: 'asset', fileName, source })
    },
  }
}

function noticeOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    name: string
    version: string
    license?: string
  }
  const texts = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim())
  if (license === undefined && texts.length === 0) throw new Error(`${name} comes without a licence`)
  return [`${'-'.repeat(80)}\n${name} ${version}, ${license ?? 'licence below'}\n`, ...texts, ''].join('\n')
}
