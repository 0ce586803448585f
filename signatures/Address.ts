import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { parseIpv4, parseIpv6 } from "./internal/ip.ts"
import { remembered } from "./internal/remembered.ts"
import { PeerId } from "./PeerId.ts"

/** Text form of a multiaddr, such as `/ip4/127.0.0.1/tcp/7400`, with or without `/p2p/<PeerId>` at its end. */
export const Address = Schema.String.pipe(
  Schema.check(
    Schema.makeFilter((text: string) =>
      isMultiaddr(text) ? undefined : "expected a multiaddr such as /ip4/192.0.2.1/tcp/7400"
    )
  ),
  Schema.brand("Address")
)
export type Address = typeof Address.Type

/** Where an address can be reached from. `reserved` is nowhere: documentation, multicast, unspecified, malformed. */
export type Scope = "global" | "private" | "loopback" | "reserved"

export interface AddressFacts {
  /** The protocols above the host, joined: `tcp`, `udp/quic-v1`, `tcp/ws`, … */
  readonly transport: string
  readonly host: string
  /** 0 where the address has none. */
  readonly port: number
  readonly scope: Scope
  /** IPv4 /24 or IPv6 /48; none unless globally routable: others are never limited by group. */
  readonly group: Option.Option<string>
  /** Whether the host is a name and not a number: such addresses are never taken from strangers. */
  readonly isName: boolean
  /** Of a trailing `/p2p/<PeerId>`. */
  readonly peer: Option.Option<PeerId>
}

/** Protocols of a multiaddr that take no value; every other one takes one. */
const withoutValue = new Set([
  "quic-v1",
  "quic",
  "ws",
  "wss",
  "tls",
  "noise",
  "webtransport",
  "webrtc",
  "webrtc-direct",
  "p2p-circuit"
])
const hosts = new Set(["ip4", "ip6", "dns", "dns4", "dns6", "dnsaddr", "memory"])

/** Characters. */
const longestAddress = 512

type Part = readonly [protocol: string, value: string]

function parts(text: string): Option.Option<ReadonlyArray<Part>> {
  if (!text.startsWith("/")) return Option.none()
  const words = text.slice(1).split("/")
  const found: Array<Part> = []
  for (let i = 0; i < words.length; i++) {
    const protocol = words[i] ?? ""
    if (!/^[a-z0-9-]+$/.test(protocol)) return Option.none()
    const value = withoutValue.has(protocol) ? "" : words[++i]
    if (value === undefined || (value === "" && !withoutValue.has(protocol))) return Option.none()
    if (protocol === "ip4" && parseIpv4(value) === undefined) return Option.none()
    if (protocol === "ip6" && parseIpv6(value) === undefined) return Option.none()
    if ((protocol === "tcp" || protocol === "udp") && !(/^\d{1,5}$/.test(value) && Number(value) <= 65535)) {
      return Option.none()
    }
    if (protocol === "p2p" && !Schema.is(PeerId)(value)) return Option.none()
    found.push([protocol, value])
  }
  return hosts.has(found[0]?.[0] ?? "") ? Option.some(found) : Option.none()
}

const ipv4Scope = (n: number): Scope => {
  const [a, b] = [n >>> 24, (n >>> 16) & 255]
  if (a === 127) return "loopback"
  if (a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) || (a === 100 && b >= 64 && b < 128)) {
    return "private"
  }
  // IANA's special-purpose registry: this network, link-local, IETF, documentation, 6to4 relays, benchmarking, multicast
  // and above.
  const c = n >>> 8
  if (
    a === 0 || (a === 169 && b === 254) || c === 0xc00000 || c === 0xc00002 || c === 0xc05863 || c === 0xc63364 ||
    c === 0xcb0071 || (a === 198 && (b === 18 || b === 19)) || a >= 224
  ) return "reserved"
  return "global"
}

/** Eight groups of 16 bits. An IPv4-mapped address counts as the IPv4 address that it is. */
const ipv6Facts = (groups: ReadonlyArray<number>): readonly [Scope, string] => {
  const [a = 0, b = 0, c = 0] = groups
  const zeroUpTo = (n: number) => groups.slice(0, n).every((group) => group === 0)
  const last = ((groups[6] ?? 0) << 16 | (groups[7] ?? 0)) >>> 0
  if (zeroUpTo(5) && groups[5] === 0xffff) return [ipv4Scope(last), ipv4Group(last)]
  const group = `${a.toString(16)}:${b.toString(16)}:${c.toString(16)}::/48`
  if (zeroUpTo(7)) return [groups[7] === 1 ? "loopback" : "reserved", group]
  if ((a & 0xfe00) === 0xfc00) return ["private", group]
  if ((a & 0xe000) !== 0x2000 || (a === 0x2001 && b < 0x200) || (a === 0x2001 && b === 0xdb8) || a === 0x3fff) {
    return ["reserved", group]
  }
  return ["global", group]
}

const ipv4Group = (n: number): string => `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.0/24`

const scopeAndGroup = (protocol: string, host: string): readonly [Scope, Option.Option<string>] => {
  const [scope, group] = protocol === "ip4"
    ? [ipv4Scope(parseIpv4(host) ?? 0), ipv4Group(parseIpv4(host) ?? 0)] as const
    : protocol === "ip6"
    ? ipv6Facts(parseIpv6(host) ?? [])
    : protocol === "memory"
    ? ["loopback", ""] as const
    : [host === "localhost" || host.endsWith(".localhost") ? "loopback" : "global", `name ${host}`] as const
  return [scope, scope === "global" ? Option.some(group) : Option.none()]
}

const factsOf = (all: ReadonlyArray<Part>): AddressFacts => {
  const [protocol, host] = all[0] ?? ["", ""]
  const [scope, group] = protocol === "" ? ["reserved", Option.none()] as const : scopeAndGroup(protocol, host)
  const above = all.slice(1).filter(([name]) => name !== "p2p" && name !== "p2p-circuit")
  const port = above.find(([name]) => name === "tcp" || name === "udp")?.[1] ?? "0"
  const peer = all.findLast(([name]) => name === "p2p")?.[1]
  return {
    transport: protocol === "memory" ? "memory" : above.map(([name]) => name).join("/"),
    host,
    port: Number(port),
    scope,
    group,
    isName: protocol.startsWith("dns"),
    peer: peer === undefined ? Option.none() : Option.some(peer as PeerId)
  }
}

const noMultiaddr = factsOf([])

/** The same few addresses are asked about again and again. */
const read = remembered(4096, (text) => Option.match(parts(text), { onNone: () => noMultiaddr, onSome: factsOf }))

function isMultiaddr(text: string): boolean {
  return text.length <= longestAddress && read(text) !== noMultiaddr
}

/** What an address says about itself, without asking anybody. Pure. A text that is no multiaddr is `reserved`. */
export const addressFacts = (address: Address): AddressFacts =>
  address.length <= longestAddress ? read(address) : noMultiaddr

/** The address without a trailing `/p2p/…`: the form in which the book keeps it. */
export const withoutPeer = (address: Address): Address =>
  address.includes("/p2p/") ? address.replace(/\/p2p\/[^/]+$/, "") as Address : address

/** The address with its peer: the form in which users write `bootstrap` and `knownPeers`. */
export const withPeer = (address: Address, peer: PeerId): Address => `${withoutPeer(address)}/p2p/${peer}` as Address
