import { Effect } from "effect"
import { identityLaws } from "../../../laws/Identity.laws.ts"
import { transportLaws } from "../../../laws/Transport.laws.ts"
import { type Backend } from "../../../support/Backend.ts"
import { inprocess } from "../../../support/inprocess.ts"

transportLaws(inprocess)
identityLaws(inprocess)

/** The same network where time is not simulated: it needs a `Clock`, whichever. */
const live: Backend = {
  name: "in process, in real time",
  virtual: false,
  run: (test) => Effect.runPromise(Effect.scoped(test)),
  world: (hosts) => inprocess.world(hosts, { latency: "100 micros", jitter: "100 micros" })
}

transportLaws(live)
identityLaws(live)
