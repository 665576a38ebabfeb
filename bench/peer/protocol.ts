/**
 * What the `peer` scenario and the processes of its two engines say to each other.
 */
export interface EngineConfig {
  readonly model: string
  readonly threads: number
  readonly cells: number
  readonly flashAttention: boolean
  /** Threads, flash attention and batch size are the peer's own choice, whatever is given here. */
  readonly peerDefaults: boolean
  readonly prompt: readonly number[]
}

/** To an engine: generate once; the time is taken from the token after `warmUp` on. */
export interface RunMessage {
  readonly warmUp: number
  readonly steps: number
}

export type EngineReply =
  | ({ readonly type: 'ready' } & Pick<PeerEngine, 'version' | 'settings' | 'sampling'>)
  | { readonly type: 'done'; readonly ms: number }
  | { readonly type: 'failed'; readonly message: string }

/** Generates greedily after the prompt and calls `onToken` for each token, until it returns false or the model ends. */
export interface PeerEngine {
  readonly version: string
  /** Threads, flash attention and batch size that it runs with. */
  readonly settings: string
  /** What the engine does between two forward passes. */
  readonly sampling: string
  generate(maxTokens: number, onToken: () => boolean): Promise<void>
}
