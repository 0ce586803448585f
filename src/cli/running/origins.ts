/** What is told of every peer, in a table as in an explanation. */
import { type Context, Option } from "effect"
import type { LinkView, PeerBook, PeerFacts, PeerId } from "../../../signatures/index.ts"
import type { Source } from "../status/protocol.ts"

/** How it came to be known. */
export const sourceOf = ({ remembered, source }: PeerFacts, link: LinkView | undefined): Source =>
  remembered !== undefined ? "remembered" : source ?? (link?.direction === "inbound" ? "inbound" : "none")

/** Why it is banned; null if it isn't. */
export const bannedBecause = (book: Context.Service.Shape<typeof PeerBook>, peer: PeerId): string | null =>
  Option.isNone(book.bannedUntil(peer))
    ? null
    : book.history(peer).findLast(({ did }) => did === "banned")?.what ?? null
