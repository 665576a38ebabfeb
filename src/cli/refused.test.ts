/**
 * What every command refuses before it computes anything: exit code 2, and one line on stderr.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { main } from './main.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-refused-'))
afterAll(() => rmSync(folder, { recursive: true }))
const questions = join(folder, 'q.jsonl')
writeFileSync(questions, '{"question": "1 + 1?", "answer": "2"}\n')
const trace = ['trace', '-m', 'tiny', '--questions', questions]
const pareto = ['analyze', 'pareto', 'x', '-m', 'tiny', '--traces', 'x']

// Each call of main listens anew.
process.stdout.setMaxListeners(0)
process.stderr.setMaxListeners(0)
const written: string[] = []
beforeEach(() => {
  written.length = 0
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.push(String(text))
    return true
  })
})

async function refusal(args: readonly string[]): Promise<string> {
  const code = await main(['node', 'dynts', ...args])
  const text = written.join('')
  expect({ code, text }).toEqual({ code: 2, text: expect.stringMatching(/^dynts: [^\n]+[.!?][)"”]?\n$/) as string })
  return text
}

describe('numbers', () => {
  const numeric: [string[], string][] = [
    [['run', 'q'], '--seed'],
    [['run', 'q'], '--temperature'],
    [['run', 'q'], '--threads'],
    [['eval'], '--budget'],
    [['eval'], '--max-failures'],
    [trace, '--retries'],
    [['importance', '-m', 'tiny', '--traces', 'x'], '--tokens-per-trace'],
    [['train', '--importance', 'x'], '--learning-rate'],
    [['fit', '-m', 'tiny', '--questions', questions], '--epochs'],
    [['worker', '--queue', 'redis://localhost'], '--lease'],
    [['predictor', 'evaluate', 'x', '--importance', 'x'], '--threads'],
    [['predictor', 'import', 'x', '-m', 'tiny'], '--ratio'],
    [['eval', 'summary', 'x'], '--k'],
  ]
  test.each(numeric)('%j %s', async (command, flag) => {
    for (const text of ['0x10', '5.', '+5', 'Infinity', 'NaN', '', 'five']) {
      written.length = 0
      expect(await refusal([...command, `${flag}=${text}`])).toContain(flag)
    }
  })
  test.each([' 5', '5 ', '\t5'])('%j', async (text) => {
    expect(await refusal(['run', 'q', '--samples', text])).toContain('It is not a number')
  })
})

describe('what contradicts itself or has no effect', () => {
  test.each<[string[], RegExp]>([
    [['run', 'q', '--compare', 'full,full'], /names full twice/],
    [['run', 'q', '--policy', 'full', '--compare', 'full'], /full is named twice/],
    [['run', 'q', '--compare', 'dynts-diverse,full'], /--compare names dynts-diverse, which is the default --policy/],
    [['run', 'q', '--policy', 'full', '--budget', '5'], /--budget has no effect under policy full/],
    [['run', 'q', '--policy', 'full', '--local-window', '5'], /--local-window has no effect under policy full/],
    [['run', 'q', '--policy', 'full', '--ratio', '0.5'], /--ratio has no effect/],
    [['run', 'q', '--policy', 'full', '--compaction', 'on'], /--compaction has no effect/],
    [['run', 'q', '--policy', 'full', '--protect', 'question'], /--protect question has no effect under full/],
    [['run', 'q', '--protect', 'question'], /--protect question has no effect under dynts/],
    [['run', 'q', '--policy', 'h2o', '--protect', 'thoughts'], /question and answer can be protected/],
    [['run', 'q', '--policy', 'window', '--sinks', '3'], /--sinks is an option of streaming-llm only/],
    [['run', 'q', '--gpu', 'off', '--gpu-layers', '5'], /contradict each other/],
    [['run', 'q', '-t', '0', '--top-k', '5'], /--top-k has no effect/],
    [['run', 'q', '--no-thinking', '--thinking-budget', '5'], /--thinking-budget has no effect/],
    [['run', 'q', '--policy', 'h2o', '--kv-type', 'q8_0'], /h2o reads attention weights/],
    [['inspect', 'tiny', '--model', 'tiny'], /--model has no effect because tiny is a model itself/],
    [['eval', '--policy', 'full,window,full'], /names full twice/],
    [['eval', '--budget', '128,128'], /names 128 twice/],
    [
      ['eval', '--policy', 'full,window', '--predictor', 'p.gguf'],
      /--predictor has no effect under policy full, window/,
    ],
    [[...pareto, '--keep', 'random', '--predictor', 'p.gguf'], /--predictor has no effect without --keep predicted/],
    [['eval', '--policy', 'full', '--budget', '128'], /--budget has no effect under policy full/],
    [['eval', '--policy', 'h2o,h2o+question', '--protect', 'question'], /h2o\+question is named twice/],
    [['eval', '--resume', '--no-resume'], /--resume and --no-resume contradict each other/],
    [['eval', '--temperature', '0', '--top-p', '0.9'], /--top-p has no effect/],
    [['eval', '--gpu', 'off', '--gpu-layers', '2'], /contradict each other/],
    [['eval', '--generate-seed', '1', '--file', questions], /--generate-seed is for .*chain, .*recall only/],
    [['eval', '--queue', 'redis://localhost', '--gpu', 'cuda'], /--gpu has no effect with --queue/],
    [[...pareto, '--queue', 'redis://localhost', '--parallel', '2'], /--parallel has no effect with --queue/],
    [[...pareto, '--queue', 'http://localhost'], /redis:/],
    [['report', ''], /An argument is empty: give the name of a run\./],
    [['eval', 'summary', folder, '--all', '--json'], /--all has no effect with --json/],
    [[...trace, '--retries', '2'], /--retries has no effect without --endpoint/],
    [[...trace, '--request-timeout', '20'], /--request-timeout has no effect without --endpoint/],
    [[...trace, '--endpoint', 'http://localhost', '--gpu-layers', '2'], /--gpu-layers has no effect with --endpoint/],
    [[...trace, '-t', '0', '--min-p', '0.2'], /--min-p has no effect with --temperature 0/],
    [['importance', '-m', 'tiny', '--traces', 'x', '--seed', '3'], /--seed has no effect without --tokens-per-trace/],
    [['importance', '-m', 'tiny', '--traces', 'x', '--threads', '0'], /--threads must be a whole number/],
    [['predictor', 'evaluate', 'x', '--importance', 'x', '--threads', '0'], /--threads must be a whole number/],
    [['train', '--importance', 'x', '--threads', '513'], /--threads must be a whole number/],
    [['worker', '--queue', 'redis://localhost', '--gpu', 'off', '--gpu-layers', '2'], /contradict each other/],
  ])('%j', async (args, says) => expect(await refusal(args)).toMatch(says))
})
