import { connectionLaws } from "../../laws/P2pConnection.laws.ts"
import { libp2pBackend } from "../../support/libp2p.ts"

connectionLaws(libp2pBackend("tcp"))
