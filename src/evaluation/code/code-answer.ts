/** Programs in answers, and what they are held against. */
import { z } from 'zod'

/** What `expected` of an item holds, as JSON. */
const codeCheck = z.union([
  z.strictObject({
    /** The beginning of the program, as the question has it. */
    prompt: z.string(),
    test: z.string(),
    entryPoint: z.string(),
  }),
  /** What it has to print. */
  z.strictObject({ output: z.string() }),
])
export type CodeCheck = Readonly<z.infer<typeof codeCheck>>

export function readCodeCheck(expected: string): CodeCheck {
  return codeCheck.parse(JSON.parse(expected))
}

const fences = /^[ \t]*(`{3,}|~{3,})[^\n]*\n([\s\S]*?)^[ \t]*\1[`~]*[ \t]*$/gm

/**
 * The program in an answer: the last block of code that names the function that is asked for, else the last one; without any block
 * the whole answer.
 */
export function programOf(answer: string, check: CodeCheck): string | undefined {
  const blocks = [...answer.matchAll(fences)].map(([, , code = '']) => code)
  const entry = 'entryPoint' in check ? check.entryPoint : undefined
  const named = entry === undefined ? undefined : blocks.findLast((block) => block.includes(entry))
  const program = named ?? blocks.at(-1) ?? answer
  return program.trim() === '' ? undefined : program
}

/** The program as it is run: one that only goes on with the question's begins with that. */
export function wholeProgram(program: string, { prompt, entryPoint }: Extract<CodeCheck, { test: string }>): string {
  const name = entryPoint.replace(/[$]/g, '\\$')
  const defines = new RegExp(
    `\\b(?:function\\s*\\*?\\s*|const\\s+|let\\s+|var\\s+|class\\s+)${name}(?![\\w$])|(?<![\\w$.])${name}\\s*=[^=]`,
  )
  return defines.test(program) ? program : `${prompt}${program}`
}

/** The test, which a `check` that it only defines is called with the function for, as HumanEval's are. */
export function wholeTest({ test, entryPoint }: Extract<CodeCheck, { test: string }>): string {
  const isDefined = /\bfunction\s+check\b|\b(?:const|let|var)\s+check\s*=/.test(test)
  return isDefined && !/(?<!function\s+)(?<![\w$.])check\s*\(\s*[\w$]+\s*\)\s*;?\s*$/.test(test)
    ? `${test}\n;check(${entryPoint})`
    : test
}
