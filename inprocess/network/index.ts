export { makeNetwork, type Network, type SimulatedHost } from "./Network.ts"
export { type HostName, type HostOptions, type NetworkOptions } from "./options.ts"
export { type DiskOperation, SimulatedDisk } from "./SimulatedDisk.ts"
export { type Trace, type TraceEvent } from "./Trace.ts"
