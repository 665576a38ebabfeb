/**
 * Finds llama.cpp's shared libraries in the installed @node-llama-cpp packages, loads them and checks that they are the
 * release whose struct layouts `bindings.ts` knows. Knows nothing of models.
 */
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import koffi from 'koffi'
import { EngineError, InputError } from '../errors.ts'
import { bind, logCallback, type Bindings } from './bindings.ts'

/** Where the layers run. `auto`: the first of CUDA, Vulkan, Metal that is installed and has a device, else the CPU. */
export const gpuChoices = ['auto', 'off', 'cuda', 'vulkan', 'metal'] as const
export type GpuChoice = (typeof gpuChoices)[number]
type Backend = 'cpu' | 'cuda' | 'vulkan' | 'metal'

/** Releases of llama.cpp whose headers were compared: the structs that cross into C are laid out alike in them. */
const knownReleases = ['0.4.', '0.5.']

export interface Device {
  readonly name: string
  readonly description: string
  readonly gpu: boolean
}

/** llama.cpp, loaded. There is one in a process: `loadLibrary`. */
export interface LlamaLibrary {
  readonly c: Bindings
  /** llama.cpp's own version string. */
  readonly release: string
  /** Where models run: `cpu` also if the libraries are for a GPU and find none. */
  readonly backend: Backend
  readonly devices: readonly Device[]
  /** Runs native code and returns what it logged, warnings and errors only, beside the result. */
  captureLog<T>(run: () => T): { result: T; log: string[] }
}

let loaded: { library: LlamaLibrary; gpu: GpuChoice } | undefined

/**
 * Loads llama.cpp, once in a process; later calls return the same.
 * @throws InputError `gpu_not_installed` when the back end that was asked for is not installed or finds no device
 * @throws EngineError `llama_not_installed`, `llama_release` when there is no library, or one of an unknown release
 */
export function loadLibrary(gpu: GpuChoice = 'auto'): LlamaLibrary {
  if (loaded) {
    const asked = loaded.gpu === gpu || gpu === 'auto' || (gpu === 'off' ? 'cpu' : gpu) === loaded.library.backend
    if (asked) return loaded.library
    throw new InputError('gpu_already_chosen', `this process already runs on ${loaded.library.backend}, not on ${gpu}`)
  }
  const wanted: readonly Backend[] =
    gpu === 'auto' ? ['cuda', 'vulkan', 'metal', 'cpu'] : gpu === 'off' ? ['cpu', 'metal'] : [gpu]
  for (const [i, backend] of wanted.entries()) {
    const folder = findFolder(backend)
    if (!folder) continue
    const library = tryOpen(folder, backend, i < wanted.length - 1)
    if (!library) continue
    if (gpu === backend && library.backend === 'cpu') {
      throw new InputError(
        'gpu_not_found',
        `the ${backend} libraries are installed, but they find no GPU: use --gpu off`,
      )
    }
    loaded = { library, gpu }
    return library
  }
  if (gpu !== 'auto' && gpu !== 'off') {
    const name = packagesOf(gpu)[0]
    throw new InputError(
      'gpu_not_installed',
      name
        ? `--gpu ${gpu} needs the package ${name}: npm install ${name}`
        : `--gpu ${gpu} is not available on this system`,
    )
  }
  throw new EngineError(
    'llama_not_installed',
    `no llama.cpp libraries for ${process.platform}-${process.arch}: run npm install again without --omit=optional`,
  )
}

function packagesOf(backend: Backend): string[] {
  const platform = { linux: 'linux', darwin: 'mac', win32: 'win' }[process.platform as 'linux' | 'darwin' | 'win32']
  const name = `@node-llama-cpp/${platform}-${process.arch}`
  if (backend === 'metal') return process.platform === 'darwin' && process.arch === 'arm64' ? [`${name}-metal`] : []
  if (backend === 'cpu') return [name]
  return process.platform === 'darwin' ? [] : [`${name}-${backend}`]
}

function findFolder(backend: Backend): string | undefined {
  const require = createRequire(import.meta.url)
  for (const name of packagesOf(backend)) {
    try {
      const root = dirname(dirname(require.resolve(name)))
      return join(root, 'bins', basename(name))
    } catch {
      continue
    }
  }
  return undefined
}

/** The one file in `folder` for a library, whatever version its name carries; never libllama-common. */
function findFile(folder: string, name: string): string {
  const pattern = new RegExp(`^(lib)?${name}(\\.(cuda|vulkan|metal))?(\\.v[0-9.]+)?\\.(so|dylib|dll)$`)
  const file = readdirSync(folder).find((candidate) => pattern.test(candidate))
  if (!file) throw new EngineError('llama_not_installed', `${folder} holds no ${name} library: reinstall dynts`)
  return join(folder, file)
}

/** Libraries for a GPU need its driver: where they cannot be loaded, the next back end may do. */
function tryOpen(folder: string, backend: Backend, hasNext: boolean): LlamaLibrary | undefined {
  try {
    return open(folder, backend)
  } catch (error) {
    if (hasNext && error instanceof EngineError && error.code === 'llama_not_loaded') return undefined
    throw error
  }
}

function open(folder: string, backend: Backend): LlamaLibrary {
  let c: Bindings
  let nothing: bigint
  try {
    const ggmlBase = koffi.load(findFile(folder, 'ggml-base'), { global: true })
    const ggml = koffi.load(findFile(folder, 'ggml'), { global: true })
    const llama = koffi.load(findFile(folder, 'llama'))
    c = bind({ llama, ggml, ggmlBase })
    // A C function without arguments or effects: as log callback it is silence that may be called from any thread.
    nothing = ggmlBase.symbol('ggml_time_us') as bigint
  } catch (error) {
    if (error instanceof EngineError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new EngineError('llama_not_loaded', `llama.cpp's ${backend} libraries cannot be loaded: ${reason}`)
  }
  checkRelease(c)
  c.llama_log_set(nothing, null)
  // The registry of devices is the process's, this module the thread's: another thread may have filled it already.
  const known = listDevices(c)
  const lacksGpu = backend !== 'cpu' && !known.some((device) => device.gpu)
  if (known.length === 0 || lacksGpu) c.ggml_backend_load_all_from_path(folder)
  c.llama_backend_init()
  const devices = listDevices(c)
  return {
    c,
    release: c.llama_version(),
    backend: devices.some((device) => device.gpu) ? backend : 'cpu',
    devices,
    captureLog: (run) => captureLog(c, nothing, run),
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

function listDevices(c: Bindings): Device[] {
  return Array.from({ length: c.ggml_backend_dev_count() }, (_, i) => {
    const device = c.ggml_backend_dev_get(i)
    const type = c.ggml_backend_dev_type(device)
    return {
      name: c.ggml_backend_dev_name(device),
      description: c.ggml_backend_dev_description(device),
      gpu: type === deviceType.gpu || type === deviceType.integratedGpu,
    }
  })
}

const deviceType = { cpu: 0, gpu: 1, integratedGpu: 2 }
const logLevel = { warning: 3, error: 4, continuation: 5 }

function captureLog<T>(c: Bindings, nothing: bigint, run: () => T): { result: T; log: string[] } {
  const log: string[] = []
  let relevant = false
  const callback = koffi.register((level: number, text: string) => {
    if (level !== logLevel.continuation) relevant = level === logLevel.warning || level === logLevel.error
    if (relevant && text.trim()) log.push(text.trim())
  }, logCallback)
  c.llama_log_set(callback, null)
  try {
    return { result: run(), log }
  } finally {
    c.llama_log_set(nothing, null)
    koffi.unregister(callback)
  }
}
