/** Properties of programs on simulated hosts, over fast-check. See README.md. */
export {
  type CheckOptions,
  checkSimulation,
  SimulationFailed,
  type SimulationProperty,
  simulationProperty
} from "./check.ts"
export { Faults, type FaultSetting, type FaultSource } from "./Faults.ts"
export { parseReplay, printReplay, type Replay } from "./replay.ts"
