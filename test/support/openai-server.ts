/** A small OpenAI-compatible server on this machine that solves the embedded model's problems, and its faults. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json as readJson } from 'node:stream/consumers'
import { solveChainProblem } from '../../src/evaluation/chain-problem.ts'

export interface ChatRequest {
  readonly model: string
  readonly messages: readonly { readonly role: string; readonly content: string }[]
  readonly stream?: boolean
  readonly seed?: number
  readonly [setting: string]: unknown
}

/** How the server tells thinking from answer. */
export type Style = 'reasoning_content' | 'reasoning' | 'both' | 'tags' | 'closing-tag' | 'no-thinking'

export type Reply =
  | {
      readonly kind: 'ok'
      readonly style?: Style
      /** Default: as the request asks. */
      readonly stream?: boolean
      /** null: none is sent. */
      readonly finish?: string | null
      readonly thinking?: string
      readonly answer?: string
      /** The answer waits for it. */
      readonly after?: Promise<unknown>
    }
  | {
      readonly kind: 'status'
      readonly status: number
      readonly message?: string
      readonly headers?: Record<string, string>
    }
  /** The connection breaks in the middle of the answer. */
  | { readonly kind: 'cut' }
  /** The connection is held and nothing comes, from the beginning or in the middle of the answer. */
  | { readonly kind: 'silent'; readonly midway?: boolean }
  /** 200 with this text as JSON or as an event. */
  | { readonly kind: 'raw'; readonly text: string; readonly event?: boolean }

export class OpenAiServer {
  /** Also when the server has stopped. */
  url = ''
  /** Bodies of the chat requests, in order. */
  readonly requests: ChatRequest[] = []
  readonly authorizations: (string | undefined)[] = []
  models: readonly string[] = ['solver']
  /** What the nth chat request (from 0) is answered with. */
  reply: (request: ChatRequest, index: number) => Reply = () => ({ kind: 'ok' })
  /** In place of the list of models. */
  modelsReply: Reply = { kind: 'ok' }
  /** Chat requests under way at the same time, at most. */
  mostAtOnce = 0
  #underWay = 0
  readonly #server = createServer((request, response) => {
    void this.#answer(request, response).catch(() => response.destroy())
  })

  static async start(): Promise<OpenAiServer> {
    const server = new OpenAiServer()
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    server.url = `http://127.0.0.1:${(server.#server.address() as AddressInfo).port}`
    return server
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.authorizations.push(request.headers.authorization)
    if (request.url === '/v1/models') {
      if (this.modelsReply.kind !== 'ok') await send(response, this.modelsReply, { model: '', messages: [] })
      else sendJson(response, { object: 'list', data: this.models.map((id) => ({ id, object: 'model' })) })
      return
    }
    if (request.url !== '/v1/chat/completions') {
      sendJson(response, { error: { message: `there is no ${request.url ?? ''}` } }, 404)
      return
    }
    const body = (await readJson(request)) as ChatRequest
    this.requests.push(body)
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#underWay)
    response.on('close', () => this.#underWay--)
    await send(response, this.reply(body, this.requests.length - 1), body)
  }
}

async function send(response: ServerResponse, reply: Reply, request: ChatRequest): Promise<void> {
  const pieces = [{ role: 'assistant', content: '' }, { content: 'a' }, { content: 'b' }]
  switch (reply.kind) {
    case 'status':
      sendJson(response, { error: { message: reply.message ?? 'as asked' } }, reply.status, reply.headers)
      return
    case 'raw':
      response.writeHead(200, { 'content-type': reply.event === true ? 'text/event-stream' : 'application/json' })
      response.end(reply.event === true ? `data: ${reply.text}\n\n` : reply.text)
      return
    case 'silent':
    case 'cut':
      if (reply.kind === 'cut' || reply.midway === true) {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        for (const delta of pieces) sendEvent(response, { choices: [{ delta }] })
      }
      // What was written must have arrived before the connection breaks.
      if (reply.kind === 'cut') setTimeout(() => response.destroy(), 20)
      return
    case 'ok':
      await reply.after
      sendAnswer(response, reply, request)
  }
}

function sendAnswer(response: ServerResponse, reply: Extract<Reply, { kind: 'ok' }>, request: ChatRequest): void {
  const { style = 'reasoning_content', stream = request.stream === true, finish = 'stop' } = reply
  const solution = solveChainProblem(request.messages.at(-1)?.content ?? '') ?? 'unknown'
  const { thinking = `Let me see. It is ${solution}.\n`, answer = `\n\nThe answer is \\boxed{${solution}}.` } = reply
  const parts = split(style, thinking, answer)
  if (!stream) {
    const message = Object.assign({ role: 'assistant' }, ...parts) as object
    sendJson(response, { id: 'x', choices: [{ index: 0, message, finish_reason: finish }] })
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  sendEvent(response, { choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] })
  for (const part of parts) {
    for (const delta of inPieces(part)) sendEvent(response, { choices: [{ index: 0, delta, finish_reason: null }] })
  }
  sendEvent(response, { choices: [{ index: 0, delta: {}, finish_reason: finish }] })
  sendEvent(response, { choices: [], usage: { total_tokens: 1 } })
  response.end('data: [DONE]\n\n')
}

function split(style: Style, thinking: string, answer: string): Record<string, string>[] {
  switch (style) {
    case 'reasoning_content':
    case 'reasoning':
      return [{ [style]: thinking }, { content: answer }]
    case 'both':
      return [{ reasoning_content: thinking, reasoning: thinking }, { content: answer }]
    case 'tags':
      return [{ content: `<think>\n${thinking}</think>${answer}` }]
    case 'closing-tag':
      return [{ content: `${thinking}</think>${answer}` }]
    case 'no-thinking':
      return [{ content: answer }]
  }
}

/** A part of a message in pieces of a few characters. */
function inPieces(part: Record<string, string>): Record<string, string>[] {
  const length = Math.max(...Object.values(part).map((text) => text.length))
  return Array.from({ length: Math.ceil(length / 7) }, (_, i) =>
    Object.fromEntries(Object.entries(part).map(([key, text]) => [key, text.slice(i * 7, i * 7 + 7)])),
  )
}

function sendEvent(response: ServerResponse, value: unknown): void {
  response.write(`data: ${JSON.stringify(value)}\n\n`)
}

function sendJson(response: ServerResponse, value: unknown, status = 200, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
}
