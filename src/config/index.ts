/** The config file, the key file and the data directory. See README.md. */
export { type Changes, changesOf, type KnownChain } from "./changes.ts"
export { lockDataDir } from "./dataDir.ts"
export { explain, type Finding } from "./explain.ts"
export { keyPath, loadKey, loadOrMakeKey, type NodeKey } from "./keyFile.ts"
export {
  loadChains,
  loadConfig,
  type Loaded,
  type LoadedChains,
  type LoadOptions,
  loadText,
  type WrittenChain
} from "./load.ts"
export { nearest } from "./nearest.ts"
export type { ChainEntry } from "./NodeFile.ts"
export { annotated, effectiveValues, jsonSchema, renderEffective } from "./present.ts"
export { type ChainSettings, type NodeSettings, settingsOf } from "./settings.ts"
