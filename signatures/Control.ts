import { Context, type Stream } from "effect"
import type { Chain } from "./Chain.ts"
import type { GoodbyeReason } from "./ConnectionPool.ts"
import type { PeerId } from "./PeerId.ts"

/**
 * What peers say on the control stream of a link. Chains travel as salted hashes, so only those that we serve ourselves can
 * be recognised: `chains` holds these. A chain that we begin to serve later appears as `added` then.
 */
export type ControlEvent =
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

export class Control extends Context.Service<Control, {
  /** Hot: hears what comes after it was subscribed to, and first the `Info` of every link that is up. */
  readonly events: Stream.Stream<ControlEvent>
}>()("chain-p2p/signatures/Control") {}
