import { Context, References, type Scope } from "effect"
import type { Chain, NodeServices, PeerId } from "../../signatures/index.ts"

/** What the node was made with: sessions find their services there too. */
export type Services<R> = Context.Context<NodeServices | Exclude<R, Scope.Scope>>

/** Logs of what runs with these name the chain, and the peer. */
export const naming = <R>(services: Services<R>, { name }: Chain, peer?: PeerId): Services<R> => {
  const annotations = Context.get(services, References.CurrentLogAnnotations)
  const named = peer === undefined ? { ...annotations, chain: name } : { ...annotations, chain: name, peer }
  return Context.add(services, References.CurrentLogAnnotations, named)
}
