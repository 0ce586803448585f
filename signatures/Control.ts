import { Context, type Effect, type Option, type Scope, type Stream } from "effect"
import type { Chain } from "./Chain.ts"
import type { GoodbyeReason } from "./ConnectionPool.ts"
import type { PeerId } from "./PeerId.ts"

/**
 * What peers say on the control stream of a link. Chains travel as salted hashes, so only those that we serve ourselves can
 * be recognised: `chains` holds these. A chain that we begin to serve later appears as `added` then.
 */
export type ControlEvent =
  /** Once the peer has said who it is, and again when it has sealed its record anew. */
  | {
    readonly _tag: "Info"
    readonly peer: PeerId
    /** The peer's own signed record, not yet opened. */
    readonly record: Uint8Array
    readonly chains: ReadonlyArray<Chain>
  }
  | {
    readonly _tag: "Chains"
    readonly peer: PeerId
    readonly added: ReadonlyArray<Chain>
    readonly removed: ReadonlyArray<Chain>
  }
  | { readonly _tag: "Goodbye"; readonly peer: PeerId; readonly reason: GoodbyeReason }
  /** Said with a rejection: signed records of peers to ask instead, not yet opened. */
  | { readonly _tag: "Alternatives"; readonly peer: PeerId; readonly records: ReadonlyArray<Uint8Array> }

/**
 * Whom a peer is told of: signed records, best first. Called between two events: it can't wait. With a chain, those that
 * serve it come first. What is too much for a message is left out.
 */
export type AnswerPeers = (asker: PeerId, chain?: Chain) => ReadonlyArray<Uint8Array>

export class Control extends Context.Service<Control, {
  /** Hot: hears what comes after it was subscribed to, and first the `Info` of every link that is up. */
  readonly events: Stream.Stream<ControlEvent>
  /**
   * Asks a linked peer whom it knows: at most 8 signed records, not yet opened. One question per peer at a time. None: it
   * isn't linked or has not said its `Info`, is being asked already, or doesn't answer in 10 s, as one that doesn't know the
   * question. Charges nobody.
   */
  readonly askPeers: (peer: PeerId) => Effect.Effect<Option.Option<ReadonlyArray<Uint8Array>>>
  /** Answers the peers that ask, and those that we reject for want of room, until the scope closes. Without it they hear of nobody. */
  readonly answerPeers: (answer: AnswerPeers) => Effect.Effect<void, never, Scope.Scope>
  /** What we serve ourselves, private chains too. A new list after each change, never mutated. */
  readonly served: () => ReadonlyArray<{ readonly chain: Chain; readonly private: boolean }>
}>()("chain-p2p/signatures/Control") {}
