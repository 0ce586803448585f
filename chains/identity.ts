import { Effect, Option, Schema } from "effect"
import { Chain } from "../signatures/index.ts"

/** What was given is no chain: a name with a space in it, an empty genesis, … */
export class ChainInvalid extends Schema.TaggedError<ChainInvalid>()("ChainInvalid", {
  /** What is wrong, and where. */
  problem: Schema.String
}) {
  override get message(): string {
    return `not a chain: ${this.problem}`
  }
}

const decode = Schema.decodeUnknownEffect(Chain)

/** Checks what came from outside of the program: network, name and genesis, and nothing left out. */
export const parseChain = (input: unknown): Effect.Effect<Chain, ChainInvalid> =>
  Effect.mapError(decode(input), (error) => new ChainInvalid({ problem: error.message }))

/**
 * A chain as one line of text that names it fully, for logs and to hand to others: `main/bitcoin/000000…`. Two texts are the
 * same iff the chains are.
 */
export const chainText = (chain: Chain): string =>
  [chain.network, chain.name, chain.genesis].map(encodeURIComponent).join("/")

const part = Option.liftThrowable(decodeURIComponent)

/** Reads what `chainText` wrote. */
export const parseChainText = (text: string): Effect.Effect<Chain, ChainInvalid> => {
  const parts = Option.all(text.split("/").map(part))
  if (parts._tag === "None" || parts.value.length !== 3) {
    return Effect.fail(new ChainInvalid({ problem: `expected network/name/genesis, not ${JSON.stringify(text)}` }))
  }
  const [network, name, genesis] = parts.value
  return parseChain({ network, name, genesis })
}
