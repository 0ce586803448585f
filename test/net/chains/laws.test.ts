import { chainHostLaws } from "../../laws/ChainHost.laws.ts"
import { libp2pBackend } from "../../support/libp2p.ts"

chainHostLaws(libp2pBackend("tcp"))
chainHostLaws(libp2pBackend("quic"))
