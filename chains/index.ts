/** Many chains in one process. See README.md. */
export { Chain, chainId, isSameChain } from "../signatures/index.ts"
export { type DemoChain, demoChains } from "./data/index.ts"
export { ChainMissing, ChainRefused, Chains, type HostedChain, makeChainHost } from "./host.ts"
export type { ChainHost } from "./host.ts"
export { ChainInvalid, chainText, parseChain, parseChainText } from "./identity.ts"
