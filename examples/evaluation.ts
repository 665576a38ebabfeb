/**
 * Two policies on the same questions: accuracy with its interval, and the difference, paired by question.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Grader, identify, loadLocated, locateModel, makePlan, runEval, summarise } from 'dynts'

const names = ['Ava', 'Ben', 'Cara', 'Dan', 'Eva', 'Finn']
const items = names.map((name, index) => ({
  id: name,
  index,
  prompt: `${name} has ${index + 3} coins. Gus has 4 more than ${name}. Hana has twice as many as Gus. Paul has 5 fewer than Hana. Noah has twice as many as Paul. How many coins does Noah have?`,
  expected: String(((index + 7) * 2 - 5) * 2),
  kind: 'chain' as const,
}))

const located = await locateModel('tiny')
const model = await loadLocated(located)
const grader = new Grader()
const folder = await mkdtemp(join(tmpdir(), 'dynts-evaluation-'))
try {
  const identity = await identify(located)
  const bounded = { budget: 224, localWindow: 32, ratio: 0.5, protect: [], policyOptions: {}, policyHash: null }
  const plan = makePlan({
    identity,
    seed: 1,
    kvType: 'f16',
    metrics: ['pass'],
    tasks: [
      {
        name: 'coins',
        source: 'examples/evaluation.ts',
        items,
        sampling: { temperature: 0.6, topP: 0.95, topK: 20 },
        maxTokens: 400,
        samples: 2,
        points: [
          { ...bounded, policy: 'dynts' },
          { ...bounded, policy: 'question-window' },
        ],
      },
    ],
  })
  const setting = { model, identity, grader, policyFiles: new Map<string, string>(), versions: {} }
  await runEval({ ...setting, plan, folder, resume: true, parallel: () => 4 })
  const { tasks } = await summarise(folder, { allowMissing: false, grader })
  for (const { policy, sampling } of tasks.flatMap(({ configurations }) => configurations)) {
    if (!sampling) continue
    const { pass1, toDynts } = sampling
    const difference = toDynts ? `; to dynts, paired by question: ${percent(toDynts)}` : ''
    console.log(`${policy}: ${percent(pass1)} of ${sampling.samples} samples right${difference}`)
  }
} finally {
  await Promise.all([model.close(), grader.close()])
  await rm(folder, { recursive: true, force: true })
}

function percent({ mean, interval }: { mean: number; interval: { low: number; high: number } | null }): string {
  const inPercent = (share: number) => (100 * share).toFixed(1)
  const between = interval ? ` (${inPercent(interval.low)} to ${inPercent(interval.high)})` : ''
  return `${inPercent(mean)} %${between}`
}
