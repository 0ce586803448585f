import { Context, Effect, type Scope } from "effect"
import { Identity, type PeerId, Transport } from "../../signatures/index.ts"
import { makeIdentity } from "./identity.ts"
import { makeNode } from "./Node.ts"
import { defaultDeadlines, type Libp2pOptions } from "./options.ts"
import { makeTransport } from "./transport.ts"

export interface Libp2pServices {
  readonly services: Context.Context<Transport | Identity>
  /** Ends all links to a peer as a pulled cable would: for tests, which do it at both ends. */
  readonly lose: (peer: PeerId) => void
}

export const makeServices = Effect.fnUntraced(
  function*(options: Libp2pOptions): Effect.fn.Return<Libp2pServices, never, Scope.Scope> {
    const node = yield* makeNode(options)
    const transport = makeTransport(node, options.listen, options.deadlines?.close ?? defaultDeadlines.close)
    return {
      services: Context.make(Transport, transport).pipe(Context.add(Identity, makeIdentity(node.key))),
      lose: (peer) => {
        for (const link of Array.from(node.links)) if (link.peer === peer) link.lose()
      }
    }
  }
)
