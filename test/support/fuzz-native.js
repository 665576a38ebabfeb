/**
 * Calls the public methods of llama.cpp's wrappers at random, with valid and invalid arguments mixed. They may throw; the
 * process must live. Prints how many calls succeeded and how many threw.
 * Arguments: a model, how many contexts to try, a seed.
 */
import fc from 'fast-check'
import {
  defaultSampling,
  LlamaContext,
  LlamaModel,
  loadLibrary,
  parseState,
  restoreSequence,
  Sampler,
  saveSequence,
} from '../../dist/llama/index.js'

const [path, runs, seed] = process.argv.slice(2)
const library = loadLibrary('off')
let model = LlamaModel.load(library, path)
const counts = { ok: 0, thrown: 0, kinds: {} }

const oddNumber = fc.constantFrom(
  -1,
  -2,
  1.5,
  NaN,
  Infinity,
  -Infinity,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  -(2 ** 31),
  1e300,
)
const mostly = (arbitrary, weight = 12) => fc.oneof({ weight, arbitrary }, { weight: 1, arbitrary: oddNumber })
const sequence = mostly(fc.nat(2))
const token = mostly(fc.nat(767), 40)
const position = mostly(fc.nat(300))
/** -1: the position that comes next. */
const start = fc.oneof({ weight: 3, arbitrary: fc.constant('next') }, { weight: 1, arbitrary: position })
const call = fc.oneof(
  fc.record({
    do: fc.constant('append'),
    sequence,
    tokens: fc.array(token, { maxLength: 40 }),
    start,
    output: fc.constantFrom('none', 'last', 'all'),
  }),
  fc.record({
    do: fc.constant('decode'),
    entries: fc.array(fc.record({ sequence, token, start }), { maxLength: 4 }),
    hidden: fc.boolean(),
  }),
  fc.record({ do: fc.constant('remove'), sequence, p0: position, p1: position }),
  fc.record({ do: fc.constant('compact'), sequence }),
  fc.record({ do: fc.constant('clear'), sequence }),
  fc.record({ do: fc.constant('logits'), row: mostly(fc.nat(40), 4) }),
  fc.record({ do: fc.constant('hiddenState'), row: mostly(fc.nat(40), 4) }),
  fc.record({ do: fc.constant('save'), sequence }),
  fc.record({
    do: fc.constant('restore'),
    sequence,
    damage: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
  }),
  fc.record({ do: fc.constant('cut'), sequence, length: fc.nat(200_000) }),
  fc.record({ do: fc.constant('keys'), sequence }),
  fc.record({ do: fc.constant('sample'), row: mostly(fc.nat(3), 4) }),
  fc.record({ do: fc.constant('accept'), token }),
  fc.record({ do: fc.constant('vocabulary'), token, text: fc.string({ unit: 'binary', maxLength: 20 }) }),
  fc.record({ do: fc.constant('fill'), sequence }),
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('dispose'), what: fc.constantFrom('context', 'sampler', 'model') }),
  },
)
const sizes = fc.record({
  cellsPerSequence: mostly(fc.constantFrom(1, 256, 300), 20),
  sequences: mostly(fc.constantFrom(1, 2, 3), 20),
  batchTokens: mostly(fc.constantFrom(1, 2, 8, 512), 20),
  outputRows: fc.option(mostly(fc.constantFrom(1, 3, 32), 20), { nil: undefined }),
  kvType: fc.constantFrom('f16', 'q8_0', 'f32'),
  flashAttention: fc.constantFrom(undefined, true, false),
})
const settings = fc.record({
  temperature: mostly(fc.double({ min: 0, max: 3, noNaN: true }), 6),
  topK: mostly(fc.nat(1000), 10),
  topP: mostly(fc.double({ min: 0, max: 1, noNaN: true }), 10),
  minP: mostly(fc.double({ min: 0, max: 1, noNaN: true }), 10),
  repeatPenalty: mostly(fc.double({ min: 0, max: 3, noNaN: true }), 10),
  repeatLastN: mostly(fc.nat(100), 10),
})

function attempt(name, run) {
  try {
    run()
    counts.ok++
  } catch (error) {
    counts.thrown++
    counts.kinds[`${name}: ${error.name}`] = (counts.kinds[`${name}: ${error.name}`] ?? 0) + 1
  }
}

/** The position after the newest of a sequence. */
const next = (context, of) => Math.max(-1, ...(context.layouts[of]?.positions ?? [])) + 1

function perform(one, context, sampler, saved) {
  const at = (given, of) => (given === 'next' ? next(context, of) : given)
  if (one.do === 'append') context.append(one.sequence, one.tokens, at(one.start, one.sequence), one.output)
  if (one.do === 'decode') {
    const sequences = one.entries.map((entry) => entry.sequence)
    const positions = one.entries.map((entry) => at(entry.start, entry.sequence))
    context.decode({ tokens: one.entries.map((entry) => entry.token), positions, sequences }, one.hidden)
  }
  if (one.do === 'remove') context.remove(one.sequence, one.p0, one.p1)
  if (one.do === 'compact') context.compact(one.sequence)
  if (one.do === 'clear') context.clear(one.sequence)
  if (one.do === 'logits') context.logits(one.row).reduce((a, b) => a + b)
  if (one.do === 'hiddenState') context.hiddenState(one.row).reduce((a, b) => a + b)
  if (one.do === 'save') saved.state = saveSequence(context, one.sequence)
  if (one.do === 'restore') {
    const state = saved.state.slice()
    for (const [place, value] of one.damage) state[place % Math.min(state.length, 400)] = value
    restoreSequence(context, one.sequence, state)
  }
  if (one.do === 'cut') restoreSequence(context, one.sequence, saved.state.slice(0, one.length))
  if (one.do === 'keys') {
    const layers = context.cached(one.sequence).keys.layers()
    for (const layer of layers) layer.reduce((a, b) => a + b)
  }
  if (one.do === 'sample') sampler.sample(context, one.row)
  if (one.do === 'accept') sampler.accept(one.token)
  if (one.do === 'vocabulary') {
    model.vocab.endsGeneration(one.token)
    model.vocab.detokenize(model.vocab.tokenize(one.text, { addBos: one.token % 2 === 0 }))
    model.vocab.tokenizeContinuation(one.text)
    model.vocab.piece(one.token)
  }
  if (one.do === 'fill') {
    const room = context.cellsPerSequence - context.layouts[one.sequence].used
    context.append(one.sequence, new Int32Array(room + 1), next(context, one.sequence), 'none')
  }
  if (one.do === 'dispose') ({ context, sampler, model })[one.what].dispose()
  // What is followed in JavaScript is what llama.cpp holds.
  for (let of = 0; !context.disposed && of < context.sequences; of++) {
    const followed = context.layouts[of].positions.filter((held) => held >= 0)
    const actual = parseState(saveSequence(context, of), context.model).positions
    if (followed.join() !== actual.join()) {
      console.error(`after ${JSON.stringify(one)}: ${followed.join()} is followed, ${actual.join()} is held`)
      process.exit(3)
    }
  }
}

fc.assert(
  fc.property(sizes, settings, fc.array(call, { minLength: 5, maxLength: 40 }), (size, sampling, calls) => {
    if (model.disposed) model = LlamaModel.load(library, path)
    const tools = {}
    attempt('context', () => (tools.context = LlamaContext.create(model, { ...size, threads: 1 })))
    attempt('sampler', () => (tools.sampler = Sampler.create(model, { ...defaultSampling, ...sampling }, 1)))
    if (tools.context && tools.sampler) {
      const saved = { state: saveSequence(tools.context, 0) }
      for (const one of calls) attempt(one.do, () => perform(one, tools.context, tools.sampler, saved))
    }
    tools.context?.dispose()
    tools.sampler?.dispose()
  }),
  { numRuns: Number(runs), seed: Number(seed), endOnFailure: true },
)
console.log(JSON.stringify(counts))
