/**
 * The benchmarks whose questions are on the Hugging Face Hub, as data. docs/evaluation-tasks.md says where each is from and
 * what of it could not be verified.
 */
import { readQuestionFile, type Question } from '../questions/question-file.ts'
import { readChoiceItems } from './choice-rows.ts'
import { choicePrompt, mathPrompt } from './prompts.ts'
import { longSettings, shortSettings } from './published-settings.ts'
import { givenFile, pinnedFile, type TaskFile } from './task-file.ts'
import { checkLimit, loadedTask, type LoadedTask, type Task, type TaskItem, type TaskLoadOptions } from './task.ts'

type FieldNames = Pick<TaskLoadOptions, 'questionField' | 'answerField' | 'idField'>

interface MathTask {
  readonly name: string
  /** `user/name@commit/file`, with the whole commit hash. */
  readonly source: string
  /** Of the Hub's file. */
  readonly fields: FieldNames
  readonly published: Task['published']
}

const gpqaSource = 'Idavidrein/gpqa@633f5ee89ab8ad4522a9f850766b73f62147ffdd/gpqa_diamond.csv'

const gpqaDiamond: Task = {
  name: 'gpqa-diamond',
  hasFixedFields: true,
  published: longSettings,
  async load(options) {
    const { seed = 1, limit } = options
    checkLimit(limit)
    const { path, source } = await locate(gpqaSource, options)
    return loadedTask('gpqa-diamond', source, await readChoiceItems(path, { seed, limit }))
  },
}

/** In the order for tables and help texts. */
export const hubTasks: readonly Task[] = [
  mathTask({
    name: 'aime24',
    source: 'HuggingFaceH4/aime_2024@2fe88a2f1091d5048c0f36abc874fb997b3dd99a/data/train-00000-of-00001.parquet',
    fields: { questionField: 'problem', answerField: 'answer', idField: 'id' },
    published: longSettings,
  }),
  mathTask({
    name: 'aime25',
    source: 'math-ai/aime25@563bb8404243c5f09de6ec262f2db674fe5bce9b/test.jsonl',
    fields: { questionField: 'problem', answerField: 'answer', idField: 'id' },
    published: longSettings,
  }),
  mathArenaTask('aime26', 'aime_2026', 'd2de22f3c656b4f56cf8981212186377d1e23bc3'),
  mathArenaTask('hmmt25', 'hmmt_feb_2025', '6fdc4277120810ff75aa22d2d5489b91f7a262a1'),
  mathArenaTask('hmmt26', 'hmmt_feb_2026', '02fba4f74d8e68e73e66a02d540fd979c05c274c'),
  mathTask({
    name: 'amc23',
    source: 'math-ai/amc23@80815d37005feb82cd7f8fbc6901d5d3eff43057/test-00000-of-00001.parquet',
    fields: { questionField: 'question', answerField: 'answer', idField: 'id' },
    published: longSettings,
  }),
  gpqaDiamond,
  mathTask({
    name: 'gaokao2023en',
    source: 'MARIO-Math-Reasoning/Gaokao2023-Math-En@6c7bdecd205ed623b5e6c92335deb4f13a7cdd9b/Gaokao2023-Math-En.jsonl',
    fields: { questionField: 'question', answerField: 'answer' },
    published: shortSettings,
  }),
  mathTask({
    name: 'math500',
    source: 'HuggingFaceH4/MATH-500@6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be/test.jsonl',
    fields: { questionField: 'problem', answerField: 'answer', idField: 'unique_id' },
    published: shortSettings,
  }),
  mathTask({
    name: 'gsm8k',
    source: 'openai/gsm8k@740312add88f781978c0658806c59bc2815b9866/main/test-00000-of-00001.parquet',
    fields: { questionField: 'question', answerField: 'answer' },
    published: shortSettings,
  }),
]

/** Any file of the user's with questions and answers: what is not a known benchmark. */
export async function loadQuestionFile(name: string, file: TaskFile, options: TaskLoadOptions): Promise<LoadedTask> {
  checkLimit(options.limit)
  return await loaded(name, file, options, options)
}

/** MathArena publishes all competitions in the same form. */
function mathArenaTask(name: string, repo: string, revision: string): Task {
  return mathTask({
    name,
    source: `MathArena/${repo}@${revision}/data/train-00000-of-00001.parquet`,
    fields: { questionField: 'problem', answerField: 'answer', idField: 'problem_idx' },
    published: longSettings,
  })
}

function mathTask({ name, source, fields, published }: MathTask): Task {
  return {
    name,
    published,
    async load(options) {
      checkLimit(options.limit)
      // A file of the user's may be another copy, with other names of fields.
      const from = options.file === undefined ? fields : options
      return await loaded(name, await locate(source, options), from, options)
    },
  }
}

async function loaded(
  name: string,
  { path, source }: TaskFile,
  { questionField, answerField, idField }: FieldNames,
  { limit, seed }: TaskLoadOptions,
): Promise<LoadedTask> {
  const { questions, leftOut } = await readQuestionFile(path, { questionField, answerField, idField, limit, seed })
  return loadedTask(name, source, questions.map(itemOf), leftOut.length)
}

function itemOf({ id, index, question, answer, choices }: Question): TaskItem {
  return choices
    ? { id, index, prompt: choicePrompt(question, choices.length), expected: answer, kind: 'choice' }
    : { id, index, prompt: mathPrompt(question), expected: answer, kind: 'math' }
}

async function locate(own: string, options: TaskLoadOptions): Promise<TaskFile> {
  return await (options.file === undefined ? pinnedFile(own, options) : givenFile(options.file, options))
}
