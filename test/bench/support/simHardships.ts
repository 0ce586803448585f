/** What befalls the hosts of a run, and in which order things happen: both drawn, or nothing and first come, first served. */
import * as fc from "fast-check"
import { type FaultPlan, type Schedule } from "../../../inprocess/index.ts"
import { Faults } from "../../../inprocess/testing/index.ts"

/** Of virtual time, that a run lasts. */
export const seconds = 20
export const hosts = 6

/** Faults of all kinds, in the first three quarters of a run. */
const plans = fc.sample(Faults.any({ hosts, millis: seconds * 750 }), { seed: 1, numRuns: 1000 })

export type Hardship = "idle" | "faults"

export const hardships = (
  seed: number,
  hardship: Hardship
): { readonly faults?: FaultPlan; readonly schedule?: Schedule } =>
  // Without a schedule of its own a run draws one.
  hardship === "faults" ? { faults: plans[seed % plans.length] ?? [] } : { schedule: { _tag: "Fifo" } }
