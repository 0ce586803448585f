/** Every law, where any fiber that can go on may go first and may be stopped between any two operations. */
import { vi } from "@effect/vitest"
import { drawSchedule } from "../../../inprocess/index.ts"
import { layerPeerBook, layerStoredPeerBook } from "../../../src/peers/index.ts"
import { chainHostLaws } from "../../laws/ChainHost.laws.ts"
import { poolLaws } from "../../laws/ConnectionPool.laws.ts"
import { diskLaws } from "../../laws/Disk.laws.ts"
import { identityLaws } from "../../laws/Identity.laws.ts"
import { connectionLaws } from "../../laws/P2pConnection.laws.ts"
import { nodeLaws } from "../../laws/P2pNode.laws.ts"
import { bookLaws } from "../../laws/PeerBook.laws.ts"
import { transportLaws } from "../../laws/Transport.laws.ts"
import { inprocessBackend } from "../../support/inprocess.ts"
import { howMany } from "../properties/run.ts"

// CHAIN_P2P_RUNS may ask for many.
vi.setConfig({ testTimeout: 30 * 60_000 })

const backend = inprocessBackend(howMany(12), { name: "under drawn schedules", schedule: drawSchedule })

transportLaws(backend)
identityLaws(backend)
diskLaws(backend)
connectionLaws(backend)
poolLaws(backend)
bookLaws(backend, "in memory", layerPeerBook)
bookLaws(backend, "in a file", (options) => layerStoredPeerBook("peers.book", options))
nodeLaws(backend)
chainHostLaws(backend)
