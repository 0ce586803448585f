import { Effect } from "effect"
import type { Identity, PeerId, PeerRecord } from "../../../signatures/index.ts"

/** Longer envelopes are opened each time. */
const maxBytes = 2048
const maxKept = 512

/** Bytes as text, one character per byte. */
const asText = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

/**
 * Opens envelopes. The same ones come from many peers, and to check a signature is dear: what was good is known again. One of
 * each peer, the newest: who seals many pushes nobody out.
 */
export class KnownRecords {
  private readonly open: Identity["Service"]["open"]
  private readonly byText = new Map<string, PeerRecord>()
  private readonly texts = new Map<PeerId, string>()

  constructor(open: Identity["Service"]["open"]) {
    this.open = open
  }

  get size(): number {
    return this.texts.size
  }

  read(envelope: Uint8Array): ReturnType<Identity["Service"]["open"]> {
    if (envelope.length > maxBytes) return this.open(envelope)
    const text = asText(envelope)
    const known = this.byText.get(text)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.tap(this.open(envelope), (record) => Effect.sync(() => this.keep(text, record)))
  }

  private keep(text: string, record: PeerRecord): void {
    const { peer, sequence } = record
    const before = this.byText.get(this.texts.get(peer) ?? "")
    if (before !== undefined && before.sequence > sequence) return
    this.forget(peer)
    this.byText.set(text, record)
    this.texts.set(peer, text)
    for (const first of this.texts.keys()) {
      if (this.texts.size <= maxKept) break
      this.forget(first)
    }
  }

  private forget(peer: PeerId): void {
    const text = this.texts.get(peer)
    if (text === undefined) return
    this.byText.delete(text)
    this.texts.delete(peer)
  }
}
