import { Option } from "effect"
import {
  type Address,
  addressFacts,
  type CandidateFacts,
  type LinkView,
  type PeerId,
  type SelectionCandidate
} from "../../signatures/index.ts"

export const groupOf = (address: Address): string | undefined => Option.getOrUndefined(addressFacts(address).group)

const groupsOf = (addresses: ReadonlyArray<Address>): ReadonlyArray<string> => {
  const found = new Set<string>()
  for (const address of addresses) {
    const group = groupOf(address)
    if (group !== undefined) found.add(group)
  }
  return [...found]
}

interface View {
  readonly facts: CandidateFacts
  readonly link: LinkView | undefined
  readonly candidate: SelectionCandidate
}

/** From look to look, and from chain to chain, most of what policies are told of peers stays the same: it is made once. */
export class Views {
  /** No more than the book has peers. */
  readonly #views = new Map<PeerId, View>()

  of(facts: CandidateFacts, link: LinkView | undefined, asked: number, isKnown: boolean): SelectionCandidate {
    const last = this.#views.get(facts.peer)
    const isSame = last !== undefined && last.facts === facts && last.link === link &&
      last.candidate.asked === asked && last.candidate.isKnown === isKnown
    if (isSame) return last.candidate
    const isThere = last !== undefined && last.facts.addresses === facts.addresses && last.link?.remote === link?.remote
    const groups = isThere ? last.candidate.groups : groupsOf(link === undefined ? facts.addresses : [link.remote])
    const candidate = { ...facts, isKnown, link: Option.fromUndefinedOr(link), asked, groups }
    this.#views.set(facts.peer, { facts, link, candidate })
    return candidate
  }

  /** What it served at the last look of a node to which it was a candidate. A book that says something else says it anew. */
  chainsOf(peer: PeerId): CandidateFacts["chains"] | undefined {
    return this.#views.get(peer)?.facts.chains
  }

  /** The book knows it no more. */
  forget(peer: PeerId): void {
    this.#views.delete(peer)
  }

  clear(): void {
    this.#views.clear()
  }
}
