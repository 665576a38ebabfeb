/**
 * Finds llama.cpp's shared libraries in the installed @node-llama-cpp packages, loads them and checks that they are the
 * release whose struct layouts `bindings.ts` knows.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import koffi from 'koffi'
import { EngineError, InputError } from '../errors.ts'
import { bind, type Bindings } from './bindings.ts'
import { logCallback, type Pointer } from './structs.ts'

/** Where the layers run. `auto`: the first of CUDA, Vulkan, Metal that is installed, else the CPU. */
export const gpuChoices = ['auto', 'off', 'cuda', 'vulkan', 'metal'] as const
export type GpuChoice = (typeof gpuChoices)[number]
type Backend = 'cpu' | 'cuda' | 'vulkan' | 'metal'

/** Releases of llama.cpp whose headers were compared: the structs that cross into C are laid out alike in them. */
const knownReleases = ['0.4.', '0.5.']

export interface Device {
  /** By which `ggml_backend_dev_get` knows it. */
  readonly index: number
  readonly name: string
  readonly description: string
  /** `accelerator`: what serves the CPU with some operations only, such as the BLAS of macOS. */
  readonly kind: 'cpu' | 'gpu' | 'accelerator'
}

/** llama.cpp, loaded. There is one in a process: `loadLibrary`. */
export interface LlamaLibrary {
  readonly c: Bindings
  /** llama.cpp's own version string. */
  readonly release: string
  /** Where models run: `cpu` also if the libraries are for a GPU and find none. */
  readonly backend: Backend
  /** Without the GPUs if none is to be used. */
  readonly devices: readonly Device[]
  /**
   * Runs native code that returns an object, or null if it fails; then it is run once more, to hear why.
   * @param failure makes the error from what llama.cpp says first, of errors or else of warnings
   * @throws what `failure` returns
   */
  make(run: () => Pointer | null, failure: (reason: string | undefined) => Error): Pointer
}

let loaded: { library: LlamaLibrary; gpu: GpuChoice } | undefined

/**
 * Loads llama.cpp, once in a thread; later calls return the same.
 * @throws InputError `gpu_not_installed`, `gpu_not_found` when the back end that was asked for is not installed or finds no
 * device; `gpu_already_chosen` when another one has been loaded before
 * @throws EngineError `llama_not_installed`, `llama_release` when there is no library, or one of an unknown release
 */
export function loadLibrary(gpu: GpuChoice = 'auto'): LlamaLibrary {
  if (loaded) {
    const asked = loaded.gpu === gpu || gpu === 'auto' || (gpu === 'off' ? 'cpu' : gpu) === loaded.library.backend
    if (asked) return loaded.library
    throw new InputError('gpu_already_chosen', `this process already runs on ${loaded.library.backend}, not on ${gpu}`)
  }
  const wanted = wantedBackends(gpu)
  for (const [i, backend] of wanted.entries()) {
    const folder = findFolder(backend)
    if (!folder) continue
    const library = tryOpen(folder, { backend, useGpu: gpu !== 'off' }, i < wanted.length - 1)
    if (!library) continue
    if (gpu === backend && library.backend === 'cpu') {
      throw new InputError(
        'gpu_not_found',
        `the ${backend} libraries are installed, but they find no GPU: use \`gpu: off\``,
      )
    }
    loaded = { library, gpu }
    return library
  }
  if (gpu !== 'auto' && gpu !== 'off') {
    const name = packageOf(gpu)
    throw new InputError(
      'gpu_not_installed',
      name
        ? `\`gpu: ${gpu}\` needs the package ${name}: npm install ${name}`
        : `\`gpu: ${gpu}\` is not available on this system`,
    )
  }
  throw new EngineError(
    'llama_not_installed',
    `no llama.cpp libraries for ${process.platform}-${process.arch}: run npm install again without --omit=optional`,
  )
}

/** The npm package with the libraries of a back end; undefined where there is none. */
export function packageOf(
  backend: Backend,
  platform: string = process.platform,
  arch: string = process.arch,
): string | undefined {
  const system = { linux: 'linux', darwin: 'mac', win32: 'win' }[platform]
  const name = `@node-llama-cpp/${system}-${arch}`
  if (system === undefined) return undefined
  if (backend === 'cpu') return name
  if (backend === 'metal') return system === 'mac' && arch === 'arm64' ? `${name}-metal` : undefined
  return system !== 'mac' && arch === 'x64' ? `${name}-${backend}` : undefined
}

/** The libraries that `loadLibrary` would look at, in that order, with their package's version. */
export function installedBackends(gpu: GpuChoice): { readonly backend: Backend; readonly version: string }[] {
  return wantedBackends(gpu).flatMap((backend) => {
    const folder = findFolder(backend)
    if (folder === undefined) return []
    const manifest = readFileSync(join(dirname(dirname(folder)), 'package.json'), 'utf8')
    return [{ backend, version: String((JSON.parse(manifest) as { version?: unknown }).version) }]
  })
}

function wantedBackends(gpu: GpuChoice): readonly Backend[] {
  if (gpu === 'auto') return ['cuda', 'vulkan', 'metal', 'cpu']
  return gpu === 'off' ? ['cpu', 'metal'] : [gpu]
}

function findFolder(backend: Backend): string | undefined {
  const name = packageOf(backend)
  if (name === undefined) return undefined
  try {
    const root = dirname(dirname(createRequire(import.meta.url).resolve(name)))
    return join(root, 'bins', basename(name))
  } catch {
    return undefined
  }
}

/** The one file in `folder` for a library, whatever version its name carries; never libllama-common. */
function findFile(folder: string, name: string): string {
  const pattern = new RegExp(`^(lib)?${name}(\\.(cuda|vulkan|metal))?(\\.v[0-9.]+)?\\.(so|dylib|dll)$`)
  const file = readdirSync(folder).find((candidate) => pattern.test(candidate))
  if (!file) throw new EngineError('llama_not_installed', `${folder} holds no ${name} library: reinstall dynts`)
  return join(folder, file)
}

/** What of the libraries in a folder is used. */
interface Use {
  readonly backend: Backend
  /** The package for Apple silicon has its GPU with it, wanted or not. */
  readonly useGpu: boolean
}

/** Libraries for a GPU need its driver: where they cannot be loaded, the next back end may do. */
function tryOpen(folder: string, use: Use, hasNext: boolean): LlamaLibrary | undefined {
  try {
    return open(folder, use)
  } catch (error) {
    if (hasNext && error instanceof EngineError && error.code === 'llama_not_loaded') return undefined
    throw error
  }
}

function open(folder: string, { backend, useGpu }: Use): LlamaLibrary {
  let c: Bindings
  let nothing: Pointer
  try {
    const ggmlBase = koffi.load(findFile(folder, 'ggml-base'), { global: true })
    const ggml = koffi.load(findFile(folder, 'ggml'), { global: true })
    const llama = koffi.load(findFile(folder, 'llama'))
    c = bind({ llama, ggml, ggmlBase })
    // A C function without arguments or effects: as log callback it is silence that may be called from any thread.
    nothing = ggmlBase.symbol('ggml_time_us') as Pointer
  } catch (error) {
    if (error instanceof EngineError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new EngineError('llama_not_loaded', `llama.cpp's ${backend} libraries cannot be loaded: ${reason}`)
  }
  checkRelease(c)
  c.llama_log_set(nothing, null)
  // The registry of devices is the process's, this module the thread's: another thread may have filled it already.
  const known = listDevices(c)
  const lacksGpu = backend !== 'cpu' && !known.some(isGpu)
  if (known.length === 0 || lacksGpu) c.ggml_backend_load_all_from_path(folder)
  c.llama_backend_init()
  const devices = listDevices(c).filter((device) => useGpu || !isGpu(device))
  return {
    c,
    release: c.llama_version(),
    backend: devices.some(isGpu) ? backend : 'cpu',
    devices,
    make: (run, failure) => make(c, nothing, run, failure),
  }
}

/** A struct passed with a wrong layout corrupts memory, so an unknown release is refused before the first such call. */
function checkRelease(c: Bindings) {
  const release = c.llama_version()
  const unknown = !knownReleases.some((known) => release.startsWith(known))
  const defaults = unknown ? undefined : c.llama_context_default_params()
  if (!defaults || defaults.n_batch !== 2048 || defaults.n_ubatch !== 512 || defaults.type_k !== 1) {
    throw new EngineError(
      'llama_release',
      `llama.cpp ${release} is installed, but this version of dynts works with ${knownReleases.map((r) => `${r}x`).join(' and ')}`,
    )
  }
}

/** `enum ggml_backend_dev_type`, from 0; what comes after is for several devices or unknown. */
const deviceKinds = ['cpu', 'gpu', 'gpu', 'accelerator'] as const

function listDevices(c: Bindings): Device[] {
  return Array.from({ length: c.ggml_backend_dev_count() }, (_, index) => {
    const device = c.ggml_backend_dev_get(index)
    return {
      index,
      name: c.ggml_backend_dev_name(device),
      description: c.ggml_backend_dev_description(device),
      kind: deviceKinds[c.ggml_backend_dev_type(device)] ?? 'accelerator',
    }
  })
}

function isGpu({ kind }: Device): boolean {
  return kind === 'gpu'
}

const logLevel = { warning: 3, error: 4, continuation: 5 }
/** Of the calls that are repeated. */
const log: { warnings: string[]; errors: string[] } = { warnings: [], errors: [] }
/** This thread's; never unregistered, for another thread may be about to call it. */
let callback: Pointer | undefined

/**
 * llama.cpp has one log callback for all threads, and one in JavaScript makes the others wait for this thread's event loop. So
 * it is set for failures only, which do not take long.
 */
function make(
  c: Bindings,
  nothing: Pointer,
  run: () => Pointer | null,
  failure: (reason: string | undefined) => Error,
): Pointer {
  const made = run()
  if (made !== null) return made
  callback ??= registerLog()
  log.warnings = []
  log.errors = []
  c.llama_log_set(callback, null)
  try {
    const second = run()
    if (second !== null) return second
  } finally {
    c.llama_log_set(nothing, null)
  }
  throw failure(log.errors[0] ?? log.warnings[0])
}

function registerLog(): Pointer {
  let current = 0
  return koffi.register((level: number, text: string) => {
    if (level !== logLevel.continuation) current = level
    if (text.trim() === '') return
    if (current === logLevel.error) log.errors.push(text.trim())
    if (current === logLevel.warning) log.warnings.push(text.trim())
  }, logCallback)
}
