import { Schema } from "effect"
import { describeFault, type HeaderFault } from "./rules.ts"

/** The header file is not what was written. Nothing was changed on disk. */
export class HeaderStoreDamaged extends Schema.TaggedError<HeaderStoreDamaged>()("HeaderStoreDamaged", {
  path: Schema.String,
  /** Of the first header that is wrong; those below it are sound. */
  height: Schema.Int,
  /** `damaged`: it was sound once, or others after it are. `other-chain`: the file begins with another genesis. */
  reason: Schema.Literals(["damaged", "other-chain"]),
  what: Schema.String
}) {
  override get message(): string {
    return this.reason === "other-chain"
      ? `${this.path}: these are headers of another chain (${this.what}): name another file, or check the chain's genesis`
      : `${this.path}: the header at height ${this.height} is damaged (${this.what}): restore the file from a copy, or move it away to fetch all headers from peers again`
  }
}

/** No rules are known for the chain, or those given are another chain's. */
export class HeaderParamsInvalid extends Schema.TaggedError<HeaderParamsInvalid>()("HeaderParamsInvalid", {
  /** As the config names it. */
  genesis: Schema.String,
  reason: Schema.Literals(["unknown-genesis", "other-genesis"])
}) {
  override get message(): string {
    return this.reason === "unknown-genesis"
      ? `no header rules are known for a chain with genesis ${this.genesis}: give them as the session's option "params"`
      : `the genesis header in the option "params" does not have the hash ${this.genesis} of the chain's genesis`
  }
}

/** Headers that were to be added don't follow the rules. Those before the first wrong one were added. */
export class HeadersInvalid extends Schema.TaggedError<HeadersInvalid>()("HeadersInvalid", {
  height: Schema.Int,
  what: Schema.String
}) {
  override get message(): string {
    return `the header at height ${this.height} is invalid: ${this.what}`
  }
}

/** The peer left requests unanswered for so long that the session is of no use. Counts as one failure of the peer. */
export class HeaderSyncStalled extends Schema.TaggedError<HeaderSyncStalled>()("HeaderSyncStalled", {
  afterMillis: Schema.Finite
}) {
  override get message(): string {
    return `the peer did not send the headers that it announced within ${Math.round(this.afterMillis / 1000)} s`
  }
}

export const headersInvalid = (bad: { readonly height: number; readonly fault: HeaderFault }): HeadersInvalid =>
  new HeadersInvalid({ height: bad.height, what: describeFault(bad.fault) })
