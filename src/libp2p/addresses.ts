import { Option, Schema } from "effect"
import { lookup } from "node:dns/promises"
import { networkInterfaces } from "node:os"
import { Address, addressFacts, withoutPeer } from "../../signatures/index.ts"

const isAddress = Schema.is(Address)

const linkLocal = /^(fe[89ab]|169\.254\.)/i

/**
 * The address of a connection's other end. A zone (`/ip6zone/eth0/ip6/fe80::1/…`) means something on this machine only, and
 * is left out.
 */
export const remoteAddress = (text: string): Address => {
  const address = text.replace(/^\/ip6zone\/[^/]+/, "")
  return withoutPeer(isAddress(address) ? address : Address.make("/ip4/0.0.0.0/tcp/0"))
}

/** Where a listener can be reached: the port that it got, and for a wildcard every address of the machine. */
export const reachable = (listened: Address, port: number): ReadonlyArray<Address> => {
  const { host } = addressFacts(listened)
  const hosts = host === "0.0.0.0" || host === "::"
    ? Object.values(networkInterfaces()).flat().flatMap((found) =>
      found !== undefined && found.family === (host === "::" ? "IPv6" : "IPv4") && !linkLocal.test(found.address)
        ? [found.address]
        : []
    )
    : [host]
  return Array.from(new Set(hosts)).flatMap((real) => {
    const address: string = withoutPeer(listened).replace(host, real).replace(/\/(tcp|udp)\/\d+/, `/$1/${port}`)
    return Option.toArray(Schema.decodeOption(Address)(address))
  })
}

/** The address with its host's name looked up, as carriers need it that know numbers only. Rejects as `lookup` does. */
export const resolveName = async (address: Address): Promise<Address> => {
  const { host, isName } = addressFacts(address)
  if (!isName) return address
  const family = address.startsWith("/dns4/") ? 4 : address.startsWith("/dns6/") ? 6 : 0
  const found = await lookup(host, { family })
  return Address.make(address.replace(/^\/dns[46]?\/[^/]+/, `/ip${found.family === 6 ? 6 : 4}/${found.address}`))
}
