/** The simulated network: virtual time, hosts, hardships, and programs on them. See README.md. */
export * from "./kernel/index.ts"
export * from "./network/index.ts"
export { sequenceDiagram } from "./testing/diagram.ts"
export { InvariantBroken, NotConverged } from "./testing/failures.ts"
export { firstDifference, printEvent, type SimulationEvent, type TraceWindow } from "./testing/Recorder.ts"
export {
  type Eventually,
  type HostServices,
  type HostView,
  type ProgramHost,
  type Scenario,
  within
} from "./testing/Scenario.ts"
// Of programs on hosts. The kernel has one of the same name, of one effect: `run` says the most of it.
export { simulate, type SimulateOptions, type SimulationResult } from "./testing/simulate.ts"
export { firstDifferenceOf } from "./testing/twice.ts"
