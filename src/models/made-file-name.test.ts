import { describe, expect, test } from 'vitest'
import { isMadeFile, madeFileAmong, madeFileKinds, madeFileName, madeFileNames } from './made-file-name.ts'

describe.each(madeFileKinds)('names of a %s', (kind) => {
  test.each([
    ['/models/R1-Qwen-7B-Q4_K_M.gguf', ['R1-Qwen-7B-Q4_K_M', 'R1-Qwen-7B']],
    ['R1-Qwen-7B.Q8_0.gguf', ['R1-Qwen-7B.Q8_0', 'R1-Qwen-7B']],
    ['big-BF16-00001-of-00003.gguf', ['big-BF16', 'big']],
    ['R1-UD-Q4_K_XL.gguf', ['R1-UD-Q4_K_XL', 'R1']],
    ['model.GGUF', ['model']],
    ['Q4_K_M.gguf', ['Q4_K_M']],
  ])('of %s', (model, names) => {
    expect(madeFileNames(kind, model)).toEqual(names.map((name) => `${name}.${kind}.gguf`))
    expect(madeFileName(kind, model)).toBe(`${names[0]}.${kind}.gguf`)
  })

  test('one for the very file comes first, one in its folder before one at the top', () => {
    const files = ['m', 'q/m', 'm-Q8_0'].map((name) => ({ path: `${name}.${kind}.gguf` }))
    expect(madeFileAmong(kind, 'q/m-Q8_0.gguf', files)).toBe(files[2])
    expect(madeFileAmong(kind, 'q/m-Q4_0.gguf', files)).toBe(files[1])
    expect(madeFileAmong(kind, 'm-Q4_0.gguf', files)).toBe(files[0])
    expect(madeFileAmong(kind, 'other.gguf', files)).toBeUndefined()
  })

  test('what is one', () => {
    const other = kind === 'predictor' ? 'calibration' : 'predictor'
    const names = [`a.${kind}.gguf`, `A.${kind.toUpperCase()}.GGUF`, 'a.gguf', `${kind}.gguf`, `a.${other}.gguf`]
    expect(names.map((name) => isMadeFile(kind, name))).toEqual([true, true, false, false, false])
  })
})
