export { applyFault, applyPlan, type PlanHandlers } from "./applyPlan.ts"
export {
  type Amount,
  type Fault,
  type FaultPart,
  faultParts,
  type FaultPlan,
  type FaultTag,
  type PlannedFault
} from "./Fault.ts"
export { parseFault, parsePlan, printFault, printPlan } from "./faultText.ts"
export { makeNetwork, type Network, type SimulatedHost } from "./Network.ts"
export { type HostName, type HostOptions, type NetworkOptions } from "./options.ts"
export { type DiskOperation, SimulatedDisk } from "./SimulatedDisk.ts"
export { type Trace, type TraceEvent } from "./Trace.ts"
