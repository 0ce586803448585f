/** Ready-made sessions. See README.md. */
import type { SessionModule } from "../../signatures/index.ts"
import { headerSyncModule } from "./header-sync/index.ts"

export * from "./header-sync/index.ts"

/** Those that a config file can name. */
export const readySessions: ReadonlyArray<SessionModule> = [headerSyncModule]
