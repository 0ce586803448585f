import type { AnswerPeers, Chain, PeerId } from "../../signatures/index.ts"
import { maxPeersPerMessage } from "./controlMessages.ts"
import { maxControlBytes } from "./frames.ts"
import { maxAlternatives } from "./openingFrames.ts"

/** What is left of a message for its records: the rest is CBOR. */
const maxBytes = maxControlBytes - 1024

/** So that `maxAlternatives` of them fit a REJECT. */
const maxAlternativeBytes = 2000

/** Whom we tell peers of, as somebody above says. Nobody, while there is none who says. */
export class Introductions {
  private answer: AnswerPeers | undefined

  /** One at a time; gives its end. */
  set(answer: AnswerPeers): () => void {
    this.answer = answer
    return () => {
      if (this.answer === answer) this.answer = undefined
    }
  }

  /** For a peer that asks. */
  to(asker: PeerId): ReadonlyArray<Uint8Array> {
    const records: Array<Uint8Array> = []
    let bytes = 0
    for (const record of this.answer?.(asker) ?? []) {
      bytes += record.length
      if (records.length === maxPeersPerMessage || bytes > maxBytes) break
      records.push(record)
    }
    return records
  }

  /** For a peer that we have no room for. */
  instead(asker: PeerId, chain: Chain): ReadonlyArray<Uint8Array> {
    const fit = (this.answer?.(asker, chain) ?? []).filter((record) => record.length <= maxAlternativeBytes)
    return fit.slice(0, maxAlternatives)
  }
}
