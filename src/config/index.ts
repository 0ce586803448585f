/** The config file, the key file and the data directory. See README.md. */
export { lockDataDir } from "./dataDir.ts"
export { configVariable, type Override } from "./environment.ts"
export { explain, type Finding } from "./explain.ts"
export { keyPath, loadKey, loadOrMakeKey, type NodeKey } from "./keyFile.ts"
export { loadConfig, type Loaded, type LoadOptions, loadText, type WrittenChain } from "./load.ts"
export { nearest } from "./nearest.ts"
export { annotated, effectiveValues, jsonSchema, renderEffective } from "./present.ts"
export type { ChainSettings } from "./settings.ts"
