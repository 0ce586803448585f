export { HeaderParamsInvalid, HeadersInvalid, HeaderStoreDamaged, HeaderSyncStalled } from "./errors.ts"
export { decodeHeader, displayHash, encodeHeader, hashHeader, type Header, headerSize, parseHash } from "./header.ts"
export type { Repairs } from "./HeaderStore.ts"
export {
  type HeaderChain,
  type HeaderProgress,
  headerSync,
  type HeaderSyncOptions,
  type HeaderTip
} from "./headerSync.ts"
export { headerSyncModule, HeaderSyncModuleOptions } from "./module.ts"
export { genesisHash, HeaderParams, knownParams, mainNetwork, testNetwork3 } from "./params.ts"
export type { HeaderSyncError } from "./runSession.ts"
export { bitsOfTarget, targetOfBits, workOfBits } from "./target.ts"
