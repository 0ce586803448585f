/** Peers of the local network. See README.md. */
export { layerMdns } from "./mdns.ts"
