/** What goes over a link: sessions' connections, and the control stream. See README.md. */
export type { ConnectionsOptions } from "./Environment.ts"
export { layerConnections } from "./layer.ts"
