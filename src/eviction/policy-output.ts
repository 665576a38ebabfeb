/** Where a user's policy prints: stdout belongs to the program's own results. */
import { isMainThread } from 'node:worker_threads'

/** Runs code of a policy; what it prints meanwhile goes to stderr. In the engine's thread all of stdout does anyway. */
export function withStdoutToStderr<T>(act: () => T): T {
  if (!isMainThread) return act()
  const { stdout, stderr } = process
  const write = Object.getOwnPropertyDescriptor(stdout, 'write')
  stdout.write = stderr.write.bind(stderr)
  try {
    return act()
  } finally {
    if (write) Object.defineProperty(stdout, 'write', write)
    else Reflect.deleteProperty(stdout, 'write')
  }
}
