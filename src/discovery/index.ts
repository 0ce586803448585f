/** Peers of the local network. See README.md. */
export { layerMdns, type MdnsOptions } from "./mdns.ts"
