import { layerPeerBook, layerStoredPeerBook } from "../../../src/peers/index.ts"
import { bookLaws } from "../../laws/PeerBook.laws.ts"
import { inprocess } from "../../support/inprocess.ts"

bookLaws(inprocess, "in memory", layerPeerBook)
bookLaws(inprocess, "in a file", (options) => layerStoredPeerBook("peers.book", options))
