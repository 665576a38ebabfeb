/**
 * To be loaded before anything else (`--import`): notes in a file whatever the process, the processes that it forks and the threads of all of
 * them want of the network, and lets them have it.
 */
import { appendFileSync } from 'node:fs'
import child_process from 'node:child_process'
import dgram from 'node:dgram'
import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'
import worker_threads from 'node:worker_threads'

// Of the environment, the engine gets what begins so.
const file = process.env.XDG_RECORDED_CONNECTIONS
const execArgv = ['--import', import.meta.url]

function note(what, target = '') {
  appendFileSync(file, `${process.pid} ${worker_threads.threadId} ${what}${target === '' ? '' : ` ${target}`}\n`)
}

/** Replaces a function of an object by one that notes its call first. */
function watch(object, name, targetOf) {
  const original = object[name]
  if (typeof original !== 'function') return
  object[name] = function (...args) {
    const target = targetOf(args)
    if (target !== undefined) note(name, target)
    return original.apply(this, args)
  }
}

function addressOf(args) {
  // `net.connect` has put them into a list.
  const [given, host = 'localhost'] = Array.isArray(args[0]) ? args[0] : args
  if (typeof given !== 'object') return typeof host === 'string' ? `${host}:${given}` : `localhost:${given}`
  return given.path ?? `${given.host ?? 'localhost'}:${given.port}`
}

watch(net.Socket.prototype, 'connect', addressOf)
watch(dgram.Socket.prototype, 'connect', ([port, host]) => `${host}:${port}`)
watch(dgram.Socket.prototype, 'send', () => 'a datagram')
// An address is no name.
const nameOf = ([name]) => (net.isIP(name) === 0 ? name : undefined)
for (const resolver of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype]) {
  for (const name of Object.getOwnPropertyNames(resolver)) {
    if (/^(lookup|resolve|reverse)/.test(name)) watch(resolver, name, nameOf)
  }
}

const { fork } = child_process
child_process.fork = (program, ...rest) => {
  const [args, options] = Array.isArray(rest[0]) ? rest : [[], rest[0]]
  return fork(program, args, { ...options, execArgv })
}
worker_threads.Worker = class extends worker_threads.Worker {
  constructor(program, options) {
    super(program, { ...options, execArgv })
  }
}
syncBuiltinESMExports()
note('watched')
