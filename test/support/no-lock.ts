import type { WriteLock } from '../../src/records/file-lock.ts'

/** For a file that no other process knows of. */
export const noLock: WriteLock = { check: () => undefined, onRelease: () => undefined }
