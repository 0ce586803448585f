import * as Schema from "effect/Schema"

/**
 * One ledger. Two chains are the same iff network, name and genesis all are; nodes meet on a chain by the hash of the
 * three, so a typo in one of them makes a chain of one's own.
 */
export const Chain = Schema.Struct({
  /** A universe of chains that may talk to each other. */
  network: Schema.NonEmptyString.pipe(Schema.check(Schema.isMaxLength(64))),
  /** A short name, unique within the process: logs and commands use it. */
  name: Schema.String.pipe(
    Schema.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
      expected: "a chain name: 1 to 64 letters, digits, dots, dashes or underscores, the first a letter or digit"
    }))
  ),
  /** What identifies the first block, as displayed: usually its hash in hex. */
  genesis: Schema.NonEmptyString.pipe(Schema.check(Schema.isMaxLength(128)))
})
export type Chain = typeof Chain.Type

/** Identity as text, for use as a map key inside a process. What goes over the wire is a hash (see `src/wire`). */
export const chainId = (chain: Chain): string => {
  const known = ids.get(chain)
  if (known !== undefined) return known
  const id = JSON.stringify([chain.network, chain.name, chain.genesis])
  ids.set(chain, id)
  return id
}

const ids = new WeakMap<Chain, string>()

export const isSameChain = (a: Chain, b: Chain): boolean =>
  a === b || (a.name === b.name && a.genesis === b.genesis && a.network === b.network)
