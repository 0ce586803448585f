/** What may be learnt of what peers say about others. Pure. */
import { type Address, addressFacts, type PeerId, type PeerRecord, withoutPeer } from "../../../signatures/index.ts"

/** Addresses that one exchange may teach us. */
export const maxNewAddresses = 32

/** Of one record, before anything is looked at closely. */
const maxLookedAt = 64

/** Wherever we are, such an address is of no use: what else is not, the book knows. */
const isHopeless = (address: Address): boolean => {
  const { isName, port, scope, transport } = addressFacts(address)
  return isName || scope === "reserved" || (port === 0 && transport !== "memory")
}

/**
 * The record without what is of no use, and with at most `room` addresses that aren't known yet; with how many of these it
 * has. Undefined: nothing of it is worth learning.
 */
export const lessonOf = (
  record: PeerRecord,
  self: PeerId,
  known: (peer: PeerId) => ReadonlyArray<Address>,
  room: number
): { readonly record: PeerRecord; readonly fresh: number } | undefined => {
  if (record.peer === self) return undefined
  const before = new Set(known(record.peer))
  let fresh = 0
  const addresses = record.addresses.slice(0, maxLookedAt).filter((address) => {
    if (isHopeless(address)) return false
    if (before.has(withoutPeer(address))) return true
    return fresh < room && ++fresh > 0
  })
  return addresses.length === 0 ? undefined : { record: { ...record, addresses }, fresh }
}
