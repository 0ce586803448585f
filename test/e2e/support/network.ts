/** Several nodes, each a process of its own with a config file that names them all in `bootstrap`. */
import { Effect } from "effect"
import { copyFileSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { demoChains } from "../../../chains/data/index.ts"
import type { NodeStatus, SessionStatus } from "../../../src/cli/status/protocol.ts"
import { keyPath, loadOrMakeKey } from "../../../src/config/index.ts"
import { ask, freePorts, type Running, start, temporaryFolder, writeYaml } from "./cli.ts"

export type Wire = "tcp" | "quic"

export interface NetworkNode {
  readonly name: string
  readonly folder: string
  readonly dataDir: string
  readonly peer: string
  readonly process: Running
}

const [bitcoin] = demoChains

/** Only the first has headers. All are started, and none is waited for; `launch` starts one of them once more. */
export const startNetwork = Effect.fnUntraced(function*(count: number, sessionCount: number, wire: Wire) {
  const root = yield* temporaryFolder
  const ports = yield* freePorts(count)
  const places = yield* Effect.forEach(ports, (port, index) =>
    Effect.gen(function*() {
      const folder = join(root, `n${index}`)
      const dataDir = join(folder, "data")
      mkdirSync(dataDir, { recursive: true, mode: 0o700 })
      const { peer } = yield* loadOrMakeKey(keyPath(dataDir))
      const listen = wire === "tcp" ? `/ip4/127.0.0.1/tcp/${port}` : `/ip4/127.0.0.1/udp/${port}/quic-v1`
      return { name: `n${index}`, folder, dataDir, peer, listen }
    }))
  const bootstrap = places.map(({ listen, peer }) => `${listen}/p2p/${peer}`)
  copyFileSync(bitcoin.headers, join(root, "n0", "bitcoin.headers"))
  for (const { folder, listen } of places) {
    writeYaml(join(folder, "node.yaml"), {
      network: "devnet",
      listen: [listen],
      bootstrap,
      chains: [{
        name: bitcoin.name,
        genesis: bitcoin.genesis,
        session: "header-sync",
        options: { headers: "./bitcoin.headers" },
        sessionCount
      }]
    })
  }
  const launch = (index: number) => start(["run"], { cwd: places[index]?.folder ?? root })
  const nodes = yield* Effect.forEach(
    places,
    (place, index) => Effect.map(launch(index), (process): NetworkNode => ({ ...place, process }))
  )
  return { nodes, launch }
})

export interface Look {
  readonly node: NetworkNode
  readonly status: NodeStatus
  readonly sessions: ReadonlyArray<SessionStatus>
}

export const lookAt = (nodes: ReadonlyArray<NetworkNode>) =>
  Effect.forEach(
    nodes,
    (node) =>
      Effect.all([ask(node.dataDir, "status"), ask(node.dataDir, "sessions")]).pipe(
        Effect.map(([status, sessions]): Look => ({ node, status, sessions }))
      ),
    { concurrency: "unbounded" }
  )

/** Each has as many outbound sessions as it wants, or reports that nobody is left to ask. */
export const allAtTarget = (looks: ReadonlyArray<Look>): boolean =>
  looks.every(({ status }) => status.chains.every(({ atTarget }) => atTarget))

/** Neither a link to the peer nor a session with it. */
export const nobodyLists = (looks: ReadonlyArray<Look>, peer: string): boolean =>
  looks.every(({ sessions, status }) =>
    sessions.every((session) => session.peer !== peer) && status.links.every((link) => link.peer !== peer)
  )
