import { Effect } from "effect"
import type { Identity, PeerRecord } from "../../../signatures/index.ts"

/** Longer envelopes are opened each time. */
const maxBytes = 2048
const maxKept = 512

/** Bytes as text, one character per byte. */
const asText = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

/** Opens envelopes. The same ones come from many peers, and to check a signature is dear: what was good is known again. */
export class KnownRecords {
  private readonly open: Identity["Service"]["open"]
  private readonly known = new Map<string, PeerRecord>()

  constructor(open: Identity["Service"]["open"]) {
    this.open = open
  }

  read(envelope: Uint8Array): ReturnType<Identity["Service"]["open"]> {
    if (envelope.length > maxBytes) return this.open(envelope)
    const key = asText(envelope)
    const known = this.known.get(key)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.tap(this.open(envelope), (record) =>
      Effect.sync(() => {
        this.known.set(key, record)
        for (const first of this.known.keys()) {
          if (this.known.size <= maxKept) break
          this.known.delete(first)
        }
      }))
  }
}
