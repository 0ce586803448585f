import type { Effect, Schema, Scope } from "effect"
import type { Chain } from "./Chain.ts"
import type { P2pSession } from "./Connection.ts"
import type { Disk } from "./Disk.ts"

/** A session ready to run on every connection of its chain, with what it tells about itself. */
export interface MadeSession {
  /** Run once per connection; what the runs share (a store, a mempool) is made beside it, once per chain and process. */
  readonly session: P2pSession<unknown>
  /** Shown by `status`: a few short fields, such as height and tip. Never waits. */
  readonly status?: Effect.Effect<{ readonly [field: string]: Schema.Json }>
  /**
   * How far the session has come, where its work has an end: `done` of `total`, in units of its own. Never waits. Once `done`
   * has reached `total` it counts as synced.
   */
  readonly progress?: Effect.Effect<{ readonly done: number; readonly total: number }>
}

/** Where a session of a config file lives. */
export interface SessionPlace {
  /** An absolute path of a path in the options: relative ones are relative to the config file. */
  readonly resolve: (path: string) => string
}

/**
 * A session that a config file can name: what a module's default export is, unless that is a plain `P2pSession` function
 * (`typeof` tells them apart: a function is a session without options, status or state; an object is one of these).
 *
 * `make` runs once per chain and process. Its scope ends with the chain: what it acquires is shared by all sessions.
 */
export interface SessionModule<Options = unknown> {
  /** As `session:` of a config file names it; of a user's module the path does, and this is for messages only. */
  readonly name: string
  /** Of the chain's `options` in the config file. Decoding needs no service, and every mistake has a place in the file. */
  readonly options: Schema.Codec<Options, unknown>
  /**
   * A failure stops the start, with its message: one that the user can act on. (A method, so that a module with options of
   * its own is still a `SessionModule`: whoever holds one decodes with its `options` and passes on what comes out.)
   */
  make(
    chain: Chain,
    options: Options,
    place: SessionPlace
  ): Effect.Effect<MadeSession, { readonly message: string }, Disk | Scope.Scope>
}
