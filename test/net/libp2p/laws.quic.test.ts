import { nodeLaws } from "../../laws/P2pNode.laws.ts"
import { transportLaws } from "../../laws/Transport.laws.ts"
import { libp2pBackend } from "../../support/libp2p.ts"

const backend = libp2pBackend("quic")
transportLaws(backend)
nodeLaws(backend)
