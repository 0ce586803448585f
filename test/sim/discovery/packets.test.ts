import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as fc from "fast-check"
import { Address, type PeerId } from "../../../signatures/index.ts"
import { announced, announcement, isAsked, type Packet, question, serviceOf } from "../../../src/discovery/packets.ts"

const address = (text: string): Address => Schema.decodeSync(Address)(text)
const self = "12D3KooWGsWaJKuw6CZTvKHfSKdVyHvmgwCTJwKb2P9eCWZKq8od" as PeerId
const service = serviceOf("devnet")
const lan = address("/ip4/192.168.1.5/tcp/7400")
const quic = address("/ip4/10.0.0.5/udp/7400/quic-v1")

const packetOf = (addresses: ReadonlyArray<Address>, of = service) => {
  const packet = announcement(of, self, addresses)
  if (packet === undefined) return assert.fail("something to announce")
  return packet
}

const txt = (text: unknown, name = `x.${service}`) => ({ name, type: "TXT", data: [text] })
const withTexts = (...texts: ReadonlyArray<unknown>): Packet => ({
  answers: [{ name: service, type: "PTR", data: `x.${service}` }],
  additionals: texts.map((text) => txt(text))
})

describe("an announcement", () => {
  it("is understood by who looks for the same network, and by nobody else", () => {
    assert.deepStrictEqual([...announced(packetOf([lan, quic]), service)], [[self, [lan, quic]]])
    assert.strictEqual(announced(packetOf([lan]), serviceOf("mainnet")).size, 0)
  })

  it("is understood as it comes from the wire, in bytes and whatever the case of its names", () => {
    const { additionals, answers } = packetOf([lan])
    const heard: Packet = {
      answers: answers.map((one) => ({ ...one, name: one.name.toUpperCase() })),
      additionals: additionals.map((one) => ({ ...one, data: one.data.map((text) => new TextEncoder().encode(text)) }))
    }
    assert.deepStrictEqual([...announced(heard, service)], [[self, [lan]]])
  })

  it("tells the local network of addresses in it only, and is left out where there are none", () => {
    const elsewhere = ["/ip4/20.1.1.1/tcp/7400", "/dns4/example.org/tcp/7400", "/ip4/10.0.0.5/tcp/0"].map(address)
    assert.deepStrictEqual([...announced(packetOf([...elsewhere, lan]), service)], [[self, [lan]]])
    assert.isUndefined(announcement(service, self, elsewhere))
  })

  it("has labels and texts that fit DNS", () => {
    const { additionals, answers } = packetOf([lan, quic])
    for (const label of [...answers, ...additionals].flatMap(({ name }) => name.split("."))) {
      assert.isAtMost(label.length, 63)
    }
    for (const { data } of additionals) for (const text of data) assert.isAtMost(text.length, 255)
  })
})

describe("a question", () => {
  it("is heard by its service only", () => {
    assert.isTrue(isAsked(question(service), service))
    assert.isFalse(isAsked(question(service), serviceOf("mainnet")))
    assert.isFalse(isAsked({ questions: [{ name: service, type: "A" }] }, service))
    assert.isFalse(isAsked({}, service))
  })
})

describe("what anybody may say", () => {
  it.each([
    ["an address elsewhere", `dnsaddr=/ip4/20.1.1.1/tcp/7400/p2p/${self}`],
    ["a name", `dnsaddr=/dns4/printer.local/tcp/7400/p2p/${self}`],
    ["no peer", "dnsaddr=/ip4/10.0.0.5/tcp/7400"],
    ["no port", `dnsaddr=/ip4/10.0.0.5/tcp/0/p2p/${self}`],
    ["no address", "dnsaddr=hello"],
    ["something else", "path=/index.html"],
    ["a number", 7]
  ])("brings nobody: %s", (_, text) => {
    assert.strictEqual(announced(withTexts(text), service).size, 0)
  })

  it("brings nobody without the service's own answer, or under another name", () => {
    const text = `dnsaddr=${lan}/p2p/${self}`
    assert.strictEqual(announced(withTexts(text), service).size, 1)
    assert.strictEqual(announced({ additionals: [txt(text)] }, service).size, 0)
    const answers = [{ name: service, type: "PTR", data: "x" }]
    assert.strictEqual(announced({ answers, additionals: [txt(text, "x._http._tcp.local")] }, service).size, 0)
  })

  it("brings eight peers of eight addresses at most", () => {
    const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    const texts = Array.from(
      { length: 20 },
      (_, n) =>
        Array.from(
          { length: 3 },
          (_, port) => `dnsaddr=/ip4/10.0.0.${n}/tcp/${port + 1}/p2p/Qm${letters[n]}${letters[n]}`
        )
    ).flat()
    assert.strictEqual(announced(withTexts(...texts), service).size, 8)
    const many = Array.from({ length: 60 }, (_, n) => `dnsaddr=/ip4/10.0.0.${n}/tcp/7400/p2p/${self}`)
    assert.strictEqual(announced(withTexts(...many), service).get(self)?.length, 8)
  })

  it("never throws", () => {
    const resource = fc.record(
      {
        name: fc.oneof(fc.string(), fc.constant(service), fc.constant(`x.${service}`)),
        type: fc.constantFrom("PTR", "TXT", "A"),
        data: fc.oneof(fc.anything(), fc.array(fc.uint8Array()), fc.array(fc.string()))
      },
      { requiredKeys: ["type"] }
    )
    const packet = fc.record({ answers: fc.array(resource), additionals: fc.array(resource) }, { requiredKeys: [] })
    fc.assert(fc.property(packet, (packet) => {
      for (const [, addresses] of announced(packet, service)) assert.isAbove(addresses.length, 0)
      isAsked(packet, service)
    }))
  })
})
