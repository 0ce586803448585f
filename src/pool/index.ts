/** The connection pool: one link per peer. See README.md. */
export { layerConnectionPool } from "./ConnectionPool.ts"
export type { ConnectionPoolOptions } from "./options.ts"
