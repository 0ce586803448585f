/** The simulated network: virtual time, hosts, hardships. See README.md. */
export * from "./kernel/index.ts"
export * from "./network/index.ts"
