/** What goes over a link: sessions' connections, and the control stream. See README.md. */
export { layerConnections } from "./layer.ts"
