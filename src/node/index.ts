/** The runtime of one chain. See README.md. */
export { makeP2pNode, p2pNode } from "./node.ts"
export { sharingPolicy } from "./policy.ts"
export { transitions } from "./transitions.ts"
