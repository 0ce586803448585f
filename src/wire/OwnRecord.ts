/** How old, or how far from our clock, our record may become: a small part of the time for which peers hand it on. */
const renewMillis = 24 * 60 * 60_000

export interface OwnRecordHost {
  /** Milliseconds of the time of day. */
  readonly wall: () => number
  /** Begins to seal a new record, and calls `done` with it. */
  readonly seal: (done: (record: Uint8Array) => void) => void
  /** The peers are to hear of it. */
  readonly renewed: () => void
}

/**
 * Our signed record: a new one each day, as those of peers that nobody hears of any more expire, and when the clock was set. It
 * is looked at whenever links are pinged, so no timer runs for it.
 */
export class OwnRecord {
  private readonly host: OwnRecordHost
  private sealedAt: number
  private isSealing = false
  bytes: Uint8Array

  constructor(host: OwnRecordHost, first: Uint8Array) {
    this.host = host
    this.bytes = first
    this.sealedAt = host.wall()
  }

  look(): void {
    const wall = this.host.wall()
    if (this.isSealing || Math.abs(wall - this.sealedAt) < renewMillis) return
    this.isSealing = true
    this.host.seal((record) => {
      this.isSealing = false
      this.sealedAt = wall
      this.bytes = record
      this.host.renewed()
    })
  }
}
