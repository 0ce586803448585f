/** The laws of connections, links, nodes and chains, under drawn schedules and each hardship that leaves links up. */
import { vi } from "@effect/vitest"
import { drawSchedule } from "../../../inprocess/index.ts"
import { chainHostLaws } from "../../laws/ChainHost.laws.ts"
import { poolLaws } from "../../laws/ConnectionPool.laws.ts"
import { connectionLaws } from "../../laws/P2pConnection.laws.ts"
import { nodeLaws } from "../../laws/P2pNode.laws.ts"
import { hardships } from "../../support/hardships.ts"
import { inprocessBackend } from "../../support/inprocess.ts"
import { howMany } from "../properties/run.ts"

// CHAIN_P2P_RUNS may ask for many.
vi.setConfig({ testTimeout: 30 * 60_000 })

const seeds = howMany(2)

for (const hardship of hardships) {
  const backend = inprocessBackend(seeds, { ...hardship, schedule: drawSchedule })
  connectionLaws(backend)
  poolLaws(backend)
  nodeLaws(backend)
  chainHostLaws(backend)
}
