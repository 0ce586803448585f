import { describe, expect, it } from "@effect/vitest"
import { Duration } from "effect"
import type { P2pNodeConfig } from "../../../signatures/index.ts"
import { resolveSettings } from "../../../src/node/settings.ts"
import { address, peerId, testChain } from "./world.ts"

const resolve = (config: Partial<P2pNodeConfig>) => resolveSettings({ chain: testChain, ...config })
const dns = address(`/dns4/node.example/tcp/7400/p2p/${peerId(0)}`)

describe("a node's config", () => {
  it("has a default for all but the chain", () => {
    const settings = resolve({})
    expect(settings).toMatchObject({
      sessionCount: 6,
      maxInbound: 12,
      maxTotal: 18,
      newcomerSlots: 1,
      groupLimit: 1,
      sessionTimeout: 240_000,
      drainTimeout: 5_000,
      private: false
    })
    expect(settings.limits).toMatchObject({
      maxMessageBytes: 2_097_152,
      minMessageBytes: 65_536,
      window: 1_048_576
    })
    expect(Duration.toSeconds(settings.limits.closeTimeout)).toBe(10)
  })

  it.each<[Partial<P2pNodeConfig>, object]>([
    [{ sessionCount: 2 }, { maxInbound: 4, maxTotal: 6 }],
    [{ sessionCount: 2, maxSessionCount: 3 }, { maxInbound: 1, maxTotal: 3, newcomerSlots: 0 }],
    [{ sessionCount: 2, maxSessionCount: 2 }, { maxInbound: 0, newcomerSlots: 0 }],
    [{ sessionCount: 2, maxInboundCount: 50 }, { maxTotal: 52 }],
    [{ sessionTimeout: "Infinity" }, { sessionTimeout: Infinity }]
  ])("follows from what is given: %j", (given, expected) => expect(resolve(given)).toMatchObject(expected))

  it("gathers the addresses of each known peer", () => {
    const other = address(`/ip4/192.168.1.1/tcp/7400/p2p/${peerId(0)}`)
    expect([...resolve({ knownPeers: [dns, other] }).known]).toEqual([
      [peerId(0), ["/dns4/node.example/tcp/7400", "/ip4/192.168.1.1/tcp/7400"]]
    ])
  })

  it.each<[string, Partial<P2pNodeConfig>]>([
    ["sessionCount", { sessionCount: 0 }],
    ["sessionCount", { sessionCount: 65 }],
    ["sessionCount", { sessionCount: 1.5 }],
    ["maxInboundCount", { maxInboundCount: -1 }],
    ["maxSessionCount", { sessionCount: 6, maxSessionCount: 4 }],
    ["maxSessionCount", { maxInboundCount: 10, maxSessionCount: 15 }],
    ["newcomerSlots", { maxInboundCount: 2, newcomerSlots: 2 }],
    ["maxMessageBytes", { maxMessageBytes: 16 * 1024 * 1024 }],
    ["maxMessageBytes", { maxMessageBytes: 1_000, minMessageBytes: 2_000 }],
    ["minMessageBytes", { minMessageBytes: 0 }],
    ["window", { window: 0 }],
    ["sessionTimeout", { sessionTimeout: 0 }],
    ["drainTimeout", { drainTimeout: "Infinity" }],
    ["knownPeers[1]", { knownPeers: [dns, address("/ip4/192.168.1.1/tcp/7400")] }],
    ["chain", { chain: { ...testChain, name: "" } }]
  ])("is refused as a bug of the program, naming %s: %j", (field, given) => {
    expect(() => resolve(given)).toThrow(field)
  })

  it("names all mistakes at once", () => {
    expect(() => resolve({ sessionCount: 0, window: -1, drainTimeout: "Infinity" }))
      .toThrow(/sessionCount .*window .*|drainTimeout/)
  })
})
