import { describe, expect, it } from "@effect/vitest"
import { Option } from "effect"
import { type CandidateFacts, Chain, type P2pNodeConfig, type Standing } from "../../../signatures/index.ts"
import { concerns } from "../../../src/node/concern.ts"
import { address, facts, NodeWorld, peerId, testChain } from "./world.ts"

const clear: Standing = { _tag: "Clear" }
const elsewhere = facts(0, { chains: Option.some([Chain.make({ ...testChain, name: "beta" })]) })
const here = facts(1, { chains: Option.some([Chain.make(testChain)]) })

/** Of a node that misses all its sessions. */
const isNews = (
  what: CandidateFacts,
  { config = {}, known = [], suspectsItself = false }: {
    readonly config?: Partial<P2pNodeConfig>
    readonly known?: ReadonlyArray<CandidateFacts>
    readonly suspectsItself?: boolean
  } = {}
): boolean => {
  const world = new NodeWorld({ sessionCount: 3, ...config }).learn(...known)
  // Everybody is refused a session for a while: all are known, and none holds a slot.
  for (const { peer } of known) world.stand(peer, { _tag: "Cooling", until: world.now + 1_000 })
  world.look()
  const news = { facts: what, servesAsBefore: false, suspectsItself }
  return concerns(world.settings, world.state, world.pairOf(what.peer), news, clear, () => world.now)
}

describe("what happens to a peer without a session", () => {
  it("concerns a node that misses sessions if the peer serves its chain, or may", () => {
    expect(isNews(here)).toBe(true)
    expect(isNews(facts(2))).toBe(true)
  })

  it("concerns no node whose chain the peer doesn't serve, unless it was thought to", () => {
    expect(isNews(elsewhere)).toBe(false)
    expect(isNews(elsewhere, { known: [facts(0)] })).toBe(true)
  })

  it("concerns no private node of which the peer is a stranger", () => {
    const knownPeers = [address(`${here.addresses[0]}/p2p/${peerId(1)}`)]
    expect(isNews(here, { config: { private: true, knownPeers } })).toBe(true)
    expect(isNews(facts(2), { config: { private: true, knownPeers } })).toBe(false)
  })

  it("concerns every node if it says that we are no longer, or now, to be suspected ourselves", () =>
    expect(isNews(elsewhere, { suspectsItself: true })).toBe(true))
})
