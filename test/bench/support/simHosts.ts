/**
 * Six hosts with all of the product on them, a small session, and whatever befalls them in twenty virtual seconds: the runs of
 * which properties do thousands.
 */
import { Effect, Exit } from "effect"
import { type Scenario, simulate } from "../../../inprocess/index.ts"
import { type Chain, type P2pConnection } from "../../../signatures/index.ts"
import { makeP2pNode } from "../../../src/node/index.ts"
import { type Hardship, hardships, hosts, seconds } from "./simHardships.ts"

const chain: Chain = { network: "bench", name: "chain", genesis: "0" }
const message = new Uint8Array(64).fill(7)

/** Says something, and listens for as long as it is let. */
const session = ({ receive, send }: P2pConnection) => Effect.andThen(send(message), Effect.forever(receive))

const scenario: Scenario = {
  hosts,
  program: () => Effect.andThen(makeP2pNode({ chain, sessionCount: 3 }, session), Effect.never),
  duration: `${seconds} seconds`
}

/** One run. With `faults` its schedule and its plan are drawn; without, the first come are served first. Gives the steps. */
export const runHosts = (seed: number, hardship: Hardship): number => {
  const result = simulate({ ...scenario, seed, ...hardships(seed, hardship) })
  if (Exit.isFailure(result.exit)) throw new Error(`run ${seed} failed: ${String(result.exit.cause)}`)
  return result.steps
}
