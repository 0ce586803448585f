import { layerPeerBook } from "../../../src/peers/index.ts"
import { poolLaws } from "../../laws/ConnectionPool.laws.ts"
import { identityLaws } from "../../laws/Identity.laws.ts"
import { connectionLaws } from "../../laws/P2pConnection.laws.ts"
import { nodeLaws } from "../../laws/P2pNode.laws.ts"
import { bookLaws } from "../../laws/PeerBook.laws.ts"
import { transportLaws } from "../../laws/Transport.laws.ts"
import { libp2pBackend } from "../../support/libp2p.ts"

const backend = libp2pBackend("tcp")

transportLaws(backend)
identityLaws(backend)
connectionLaws(backend)
poolLaws(backend)
bookLaws(backend, "in memory", layerPeerBook)
nodeLaws(backend)
