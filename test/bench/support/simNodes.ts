/** Whole nodes, with book, pool, wire and all that a session costs in them, in a flood. */
import { Effect, Exit } from "effect"
import { simulate, within } from "../../../inprocess/index.ts"
import { type Chain, type P2pConnection, type P2pNode } from "../../../signatures/index.ts"
import { makeP2pNode } from "../../../src/node/index.ts"
import { bytesInUse } from "./memory.ts"

const chain: Chain = { network: "bench", name: "chain", genesis: "0" }
const message = new Uint8Array(64).fill(7)

export interface WholeNodes {
  /** Ends of sessions, once every node has as many of its own opening as it wants. */
  readonly sessions: number
  readonly bytesPerSession: number
  readonly cpuMicrosPerNode: number
  readonly messagesPerCpuSecond: number
}

const cpuMicros = (): number => {
  const { system, user } = process.cpuUsage()
  return system + user
}

/** Each of so many nodes knows the next ones in a ring, and opens sessions with half of them: eight ends per node. */
export const wholeNodes = (nodes: number, burst: number, messages: number): WholeNodes => {
  const opened = 4
  const before = bytesInUse()
  const cpuBefore = cpuMicros()
  let received = 0
  const session = ({ receive, send }: P2pConnection) =>
    Effect.gen(function*() {
      for (;;) {
        for (let i = 0; i < burst; i++) yield* send(message)
        for (let i = 0; i < burst; i++) {
          yield* receive
          received++
        }
        // Links come up one after the other: a flood in the meantime would measure itself.
        yield* Effect.sleep("1 second")
      }
    })
  let found: Omit<WholeNodes, "messagesPerCpuSecond"> | undefined
  let started = { cpu: 0, received: 0 }
  let rate = 0
  const result = simulate({
    seed: 1,
    hosts: nodes,
    schedule: { _tag: "Fifo" },
    knows: (index) => Array.from({ length: opened }, (_, n) => (index + n + 1) % nodes),
    world: () => ({ nodes: new Array<P2pNode | undefined>() }),
    program: ({ index }, world) =>
      Effect.gen(function*() {
        world.nodes[index] = yield* makeP2pNode({ chain, sessionCount: opened, sessionTimeout: "Infinity" }, session)
        return yield* Effect.never
      }),
    eventually: within(
      "2 minutes",
      (world: { readonly nodes: ReadonlyArray<P2pNode | undefined> }) =>
        Effect.gen(function*() {
          if (found === undefined) {
            let sessions = 0
            for (let index = 0; index < nodes; index++) {
              const stats = yield* world.nodes[index]?.stats ?? Effect.undefined
              if (stats?.atTarget !== true) return false
              sessions += stats.outbound + stats.inbound
            }
            const assembly = cpuMicros() - cpuBefore
            found = {
              sessions,
              bytesPerSession: (bytesInUse() - before) / sessions,
              cpuMicrosPerNode: assembly / nodes
            }
            started = { cpu: cpuMicros(), received }
          }
          rate = (received - started.received) / (cpuMicros() - started.cpu) * 1_000_000
          return received - started.received >= messages
        })
    )
  })
  if (found === undefined || Exit.isFailure(result.exit)) {
    throw new Error(`the nodes came to nothing: ${String(result.exit)}`)
  }
  return { ...found, messagesPerCpuSecond: rate }
}
