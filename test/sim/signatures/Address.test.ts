import { assert, describe, it } from "@effect/vitest"
import { Option, Result, Schema } from "effect"
import { NetAddress } from "effect/net"
import * as fc from "fast-check"
import { Address, addressFacts, withoutPeer, withPeer } from "../../../signatures/Address.ts"
import { parseIpv4, parseIpv6 } from "../../../signatures/internal/ip.ts"
import { isSmaller, PeerId } from "../../../signatures/PeerId.ts"

const address = Schema.decodeUnknownSync(Address)
const peer = Schema.decodeUnknownSync(PeerId)("12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5")
const facts = (text: string) => addressFacts(address(text))

/** Texts near the edge of being an address, and some that are one. */
const nearlyIp = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef:.:".split("")), maxLength: 40 })
)

describe("an address", () => {
  it.each([
    ["/ip4/192.0.2.1/tcp/7400", "tcp", 7400],
    ["/ip4/127.0.0.1/udp/7401/quic-v1", "udp/quic-v1", 7401],
    ["/ip6/::1/tcp/0", "tcp", 0],
    ["/dns4/node.example/tcp/443/tls/ws", "tcp/tls/ws", 443],
    ["/memory/7", "memory", 0]
  ])("%s is read", (text, transport, port) => {
    const read = facts(text)
    assert.strictEqual(read.transport, transport)
    assert.strictEqual(read.port, port)
  })

  it.each([
    "",
    "ip4/1.2.3.4/tcp/1",
    "/ip4/1.2.3.4/tcp",
    "/ip4/1.2.3.4/tcp/65536",
    "/ip4/1.2.3.256/tcp/1",
    "/ip4/01.2.3.4/tcp/1",
    "/ip6/fe80::1%eth0/tcp/1",
    "/tcp/7400",
    "/ip4/1.2.3.4/tcp/1/p2p/not_base58",
    `/ip4/1.2.3.4/tcp/1/${"x".repeat(600)}/1`
  ])("%j is rejected", (text) => {
    assert.isTrue(Option.isNone(Schema.decodeUnknownOption(Address)(text)))
  })

  it("gives and takes its peer", () => {
    const plain = address("/ip4/198.18.0.1/tcp/1")
    assert.deepStrictEqual(addressFacts(withPeer(plain, peer)).peer, Option.some(peer))
    assert.strictEqual(withoutPeer(withPeer(plain, peer)), plain)
    assert.strictEqual(withPeer(withPeer(plain, peer), peer), withPeer(plain, peer))
  })

  it.each([
    ["/ip4/8.8.8.8/tcp/1", "global", "8.8.8.0/24"],
    ["/ip4/127.5.0.1/tcp/1", "loopback", undefined],
    ["/ip4/10.1.2.3/tcp/1", "private", undefined],
    ["/ip4/172.31.0.1/tcp/1", "private", undefined],
    ["/ip4/172.32.0.1/tcp/1", "global", "172.32.0.0/24"],
    ["/ip4/100.64.0.1/tcp/1", "private", undefined],
    ["/ip4/169.254.0.1/tcp/1", "reserved", undefined],
    ["/ip4/192.0.2.1/tcp/1", "reserved", undefined],
    ["/ip4/224.0.0.1/tcp/1", "reserved", undefined],
    ["/ip4/0.0.0.0/tcp/1", "reserved", undefined],
    ["/ip6/2606:4700:4700::1111/tcp/1", "global", "2606:4700:4700::/48"],
    ["/ip6/2001:db8::1/tcp/1", "reserved", undefined],
    ["/ip6/::1/tcp/1", "loopback", undefined],
    ["/ip6/::/tcp/1", "reserved", undefined],
    ["/ip6/fd00::1/tcp/1", "private", undefined],
    ["/ip6/fe80::1/tcp/1", "reserved", undefined],
    ["/ip6/::ffff:8.8.8.8/tcp/1", "global", "8.8.8.0/24"],
    ["/ip6/::ffff:127.0.0.1/tcp/1", "loopback", undefined]
  ])("%s is %s", (text, scope, group) => {
    assert.strictEqual(facts(text).scope, scope)
    assert.strictEqual(Option.getOrUndefined(facts(text).group), group)
  })
})

describe("the reading of IP addresses", () => {
  it("agrees with effect's on what is one, and on its bits", () => {
    fc.assert(
      fc.property(nearlyIp, (text) => {
        const v4 = NetAddress.ipv4FromString(text)
        const ours = parseIpv4(text)
        assert.strictEqual(ours !== undefined, Result.isSuccess(v4), text)
        if (Result.isSuccess(v4) && ours !== undefined) {
          assert.deepStrictEqual(
            [24, 16, 8, 0].map((shift) => (ours >>> shift) & 255),
            Array.from(NetAddress.ipv4ToOctets(v4.success))
          )
        }
        const v6 = NetAddress.ipv6FromString(text)
        assert.strictEqual(parseIpv6(text) !== undefined, Result.isSuccess(v6), text)
        if (Result.isSuccess(v6)) {
          assert.deepStrictEqual(Array.from(parseIpv6(text) ?? []), Array.from(NetAddress.ipv6ToSegments(v6.success)))
        }
      }),
      { numRuns: 3000 }
    )
  })
})

describe("the order of peers", () => {
  const anyPeer = fc.string({ unit: fc.constantFrom(..."123456789ABCabcxyz".split("")), minLength: 4, maxLength: 60 })
    .map((text) => Schema.decodeUnknownSync(PeerId)(text))

  it("is total and the same from both ends", () => {
    fc.assert(fc.property(anyPeer, anyPeer, (a, b) => a === b ? !isSmaller(a, b) : isSmaller(a, b) !== isSmaller(b, a)))
  })

  it("is that of the bytes, not of the text", () => {
    // 34 bytes 12 20 00… against 38 bytes 00 24 08 01…: the longer text is the smaller id.
    const sha = Schema.decodeUnknownSync(PeerId)("QmNLei78zWmzUdbeRB3CiUfAizWUrbeeZh5K1rhAQKCh51")
    assert.isTrue(isSmaller(peer, sha))
    assert.isFalse(isSmaller(sha, peer))
  })
})
