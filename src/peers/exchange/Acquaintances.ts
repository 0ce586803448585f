import type { PeerId } from "../../../signatures/index.ts"
import { isCurrent } from "./age.ts"

/** What is kept of a record's envelope at most, and of how many peers: a MiB in all. */
const maxEnvelopeBytes = 2048
const maxKept = 512

/** A peer that has not been seen for so long is nobody to send others to. */
const staleMillis = 60 * 60_000

interface Acquaintance {
  readonly envelope: Uint8Array
  readonly sequence: bigint
  /** Monotonic milliseconds: when we first met it, and when we last knew it alive. */
  readonly since: number
  readonly last: number
  readonly isLinked: boolean
}

const isStale = ({ isLinked, last }: Acquaintance, now: number): boolean => !isLinked && last + staleMillis <= now

/** The peers that we have met on a link of our own, with what they have signed: the only ones that we tell others of. */
export class Acquaintances {
  private readonly all = new Map<PeerId, Acquaintance>()

  get size(): number {
    return this.all.size
  }

  /**
   * It said so itself, on a link that is up, and the signature is its own: so it is its newest word, though its clock may have been
   * ahead when it said another. `known`: when it is first known to have lived, if that was
   * before, as in an earlier run.
   */
  meet(peer: PeerId, envelope: Uint8Array, sequence: bigint, now: number, known = now): void {
    const before = this.all.get(peer)
    if (envelope.length > maxEnvelopeBytes) return
    // A copy: what came is a view of a larger message.
    this.all.set(peer, {
      envelope: envelope.slice(),
      sequence,
      since: Math.min(before?.since ?? now, known),
      last: now,
      isLinked: true
    })
    if (this.all.size > maxKept) this.forgetOne()
  }

  /** The links that are up now. */
  look(links: ReadonlyMap<PeerId, unknown>, now: number): void {
    for (const [peer, known] of this.all) {
      const isLinked = links.has(peer)
      if (isLinked !== known.isLinked) this.all.set(peer, { ...known, isLinked, last: now })
      else if (isStale(known, now)) this.all.delete(peer)
    }
  }

  /** Those that were alive over such a time, or so far apart, and whose records others will take at this time of day. */
  *proven(provenFor: number, now: number, wall: number): Generator<PeerId> {
    for (const [peer, known] of this.all) {
      const { isLinked, last, since } = known
      if (!isStale(known, now) && isCurrent(known, wall) && (isLinked ? now : last) - since >= provenFor) yield peer
    }
  }

  /** Undefined too of one whose record has expired at this time of day. */
  envelope(peer: PeerId, wall: number): Uint8Array | undefined {
    const known = this.all.get(peer)
    return known !== undefined && isCurrent(known, wall) ? known.envelope : undefined
  }

  /** The one that was gone longest; of those with a link the youngest, so that a crowd doesn't push out who has stayed. */
  private forgetOne(): void {
    let gone: readonly [PeerId, number] | undefined
    let youngest: readonly [PeerId, number] | undefined
    for (const [peer, { isLinked, last, since }] of this.all) {
      if (!isLinked && (gone === undefined || last < gone[1])) gone = [peer, last]
      if (isLinked && (youngest === undefined || since > youngest[1])) youngest = [peer, since]
    }
    const victim = gone ?? youngest
    if (victim !== undefined) this.all.delete(victim[0])
  }
}
