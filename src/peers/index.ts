/** The peer book: facts about peers. See README.md. */
export { layerPeerExchange } from "./exchange/layer.ts"
export { type PeerExchangeOptions } from "./exchange/options.ts"
export { allowancesFor, type PeerBookOptions } from "./options.ts"
export { layerPeerBook, layerStoredPeerBook } from "./PeerBook.ts"
export { layerPeerUpdates } from "./PeerUpdates.ts"
