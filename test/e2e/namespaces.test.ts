/** Five nodes on five hosts: each a process in a network namespace of its own, on one bridge. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { copyFileSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { demoChains } from "../../chains/data/index.ts"
import { keyPath, loadOrMakeKey } from "../../src/config/index.ts"
import { ask, start, temporaryFolder, until, writeYaml } from "./support/cli.ts"
import { namespacedHosts, whyNoNamespaces } from "./support/namespaces.ts"
import { allAtTarget, lookAt, type NetworkNode, nobodyLists } from "./support/network.ts"
import { entry } from "./support/pair.ts"

const [bitcoin] = demoChains
const whyNot = whyNoNamespaces()

/** Each knows all, by their addresses on the bridge. Only the first has headers. */
const startNodes = Effect.gen(function*() {
  const root = yield* temporaryFolder
  const hosts = yield* namespacedHosts(5)
  const places = yield* Effect.forEach(hosts, (host, index) =>
    Effect.gen(function*() {
      const folder = join(root, `n${index}`)
      const dataDir = join(folder, "data")
      mkdirSync(dataDir, { recursive: true, mode: 0o700 })
      const { peer } = yield* loadOrMakeKey(keyPath(dataDir))
      return { host, name: `n${index}`, folder, dataDir, peer, listen: `/ip4/${host.address}/tcp/7400` }
    }))
  copyFileSync(bitcoin.headers, join(root, "n0", "bitcoin.headers"))
  return yield* Effect.forEach(places, ({ host, ...place }) =>
    Effect.gen(function*() {
      writeYaml(join(place.folder, "node.yaml"), {
        network: "devnet",
        listen: [place.listen],
        bootstrap: places.map(({ listen, peer }) => `${listen}/p2p/${peer}`),
        chains: [entry(bitcoin, { sessionCount: 2 })]
      })
      const process = yield* start(["run"], { cwd: place.folder, namespace: host.namespace })
      return { ...place, process, host } satisfies NetworkNode & { readonly host: typeof host }
    }))
})

describe("five nodes on hosts of their own", () => {
  const title = "sync over a bridge, go on without one whose cable is pulled, and take it back"
  it.live.skipIf(whyNot !== undefined)(
    whyNot === undefined ? title : `${title} (this machine allows no network namespaces: ${whyNot})`,
    () =>
      Effect.gen(function*() {
        const nodes = yield* startNodes
        const looks = yield* until("all synced and at target", lookAt(nodes), (all) =>
          allAtTarget(all) && all.every(({ status }) =>
            status.chains.every(({ session }) =>
              session["height"] === bitcoin.height
            )
          ), 60_000)
        for (const { status } of looks) {
          for (const { remote } of status.links) {
            assert.match(remote, /^\/ip4\/10\.77\.0\.\d\/tcp\//)
          }
        }

        const [lost] = nodes.slice(-1)
        assert.isDefined(lost)
        const others = nodes.filter((node) =>
          node !== lost
        )
        lost.host.plug(false)
        yield* until("missed by all", lookAt(others), (all) => nobodyLists(all, lost.peer) && allAtTarget(all), 40_000)
        yield* until("alone", ask(lost.dataDir, "status"), ({ links }) => links.length === 0, 40_000)

        lost.host.plug(true)
        yield* until("back", lookAt(nodes), (all) =>
          allAtTarget(all) &&
          all.every(({ node, status }) =>
            node !== lost || status.chains.every(({ inbound, outbound }) => inbound + outbound > 0)
          ), 60_000)
        const peers = (yield* Effect.forEach(nodes, ({ dataDir }) => ask(dataDir, "peers"))).flat()
        assert.isTrue(peers.every(({ bannedForSeconds }) => bannedForSeconds === null), "nobody is banned for a cable")
      }),
    180_000
  )
})
