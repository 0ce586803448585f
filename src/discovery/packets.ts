/** What is said on the local network, as DNS packets, and what may be read out of those of others. Pure. */
import { Option, Schema } from "effect"
import { createHash } from "node:crypto"
import { Address, addressFacts, type PeerId, withoutPeer, withPeer } from "../../signatures/index.ts"

/** As much of a DNS packet as matters here. What comes was written by anybody. */
export interface Packet {
  readonly questions?: ReadonlyArray<{ readonly name: string; readonly type: string }>
  readonly answers?: ReadonlyArray<Resource>
  readonly additionals?: ReadonlyArray<Resource>
}

interface Resource {
  readonly name?: string
  readonly type: string
  readonly data?: unknown
}

/** Of peers that one packet may announce, and of each one's addresses. */
const maxPeers = 8
const maxAddresses = 8

/** Of a text in a TXT record, in bytes. */
const maxText = 255

const prefix = "dnsaddr="

/** Under which the peers of a network find each other, and no others. */
export const serviceOf = (network: string): string =>
  `_chain-p2p-${createHash("sha256").update(network).digest("hex").slice(0, 16)}._udp.local`

const isSameName = (a: string | undefined, b: string): boolean => a?.toLowerCase() === b.toLowerCase()

export const question = (service: string) => ({ questions: [{ name: service, type: "PTR" as const }] })

export const isAsked = ({ questions = [] }: Packet, service: string): boolean =>
  questions.slice(0, 16).some(({ name, type }) => isSameName(name, service) && (type === "PTR" || type === "ANY"))

/** Of the local network: what lies elsewhere is nothing to announce there, nor to be believed. */
const isLocal = (address: Address): boolean => {
  const { isName, port, scope } = addressFacts(address)
  return !isName && port !== 0 && (scope === "private" || scope === "loopback")
}

/** Undefined: nothing of ours can be reached from there. */
export const announcement = (service: string, self: PeerId, addresses: ReadonlyArray<Address>) => {
  const texts = addresses.filter(isLocal).map((address) => `${prefix}${withPeer(address, self)}`).filter((text) =>
    text.length <= maxText
  ).slice(0, maxAddresses)
  if (texts.length === 0) return undefined
  // A label has 63 letters at most, and the end of an id is its own.
  const name = `${self.slice(-32).toLowerCase()}.${service}`
  return {
    answers: [{ name: service, type: "PTR" as const, ttl: 120, data: name }],
    additionals: texts.map((data) => ({ name, type: "TXT" as const, ttl: 120, data: [data] }))
  }
}

const textsOf = (data: unknown): ReadonlyArray<string> =>
  (Array.isArray(data) ? data : [data]).slice(0, maxAddresses).flatMap((part) =>
    typeof part === "string"
      ? [part]
      : part instanceof Uint8Array && part.length <= maxText
      ? [new TextDecoder().decode(part)]
      : []
  )

const readAddress = Schema.decodeUnknownOption(Address)

/** The peers that a packet announces under the service, with addresses of the local network. */
export const announced = (
  { additionals = [], answers = [] }: Packet,
  service: string
): ReadonlyMap<PeerId, ReadonlyArray<Address>> => {
  const found = new Map<PeerId, ReadonlyArray<Address>>()
  const isOurs = ({ name, type }: Resource) =>
    type === "TXT" && name?.toLowerCase().endsWith(`.${service.toLowerCase()}`) === true
  const resources = [...answers, ...additionals].slice(0, maxPeers * maxAddresses)
  if (!resources.some(({ name, type }) => type === "PTR" && isSameName(name, service))) return found
  for (const text of resources.filter(isOurs).flatMap(({ data }) => textsOf(data))) {
    if (!text.startsWith(prefix)) continue
    const address = Option.filter(readAddress(text.slice(prefix.length)), isLocal)
    const peer = Option.flatMap(address, (address) => addressFacts(address).peer)
    if (Option.isNone(address) || Option.isNone(peer)) continue
    const known = found.get(peer.value) ?? []
    if (found.size === maxPeers && known.length === 0) continue
    if (known.length < maxAddresses) found.set(peer.value, [...known, withoutPeer(address.value)])
  }
  return found
}
