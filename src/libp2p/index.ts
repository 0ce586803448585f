/**
 * Transport and identity over libp2p. This file loads nothing of libp2p: that happens when a layer is built, so that
 * commands that need none start fast.
 */
import { Effect, Layer } from "effect"
import type { Identity, Transport } from "../../signatures/index.ts"
import type { Libp2pOptions } from "./options.ts"

export type { Libp2pOptions } from "./options.ts"

/**
 * A libp2p node with TCP and QUIC, under noise and yamux. It starts to listen when `Transport.listen` is called, and is
 * stopped with the layer's scope, within seconds whatever its peers do. QUIC is loaded when an address first asks for it.
 */
export const layerLibp2p = (options: Libp2pOptions): Layer.Layer<Transport | Identity> =>
  Layer.effectContext(Effect.gen(function*() {
    const { makeServices } = yield* Effect.promise(() => import("./services.ts"))
    return (yield* makeServices(options)).services
  }))
