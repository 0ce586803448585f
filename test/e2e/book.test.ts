/** The peer book of real processes: what is left of it after a kill -9, and after damage. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parse } from "yaml"
import { ask, cli, until, writeYaml } from "./support/cli.ts"
import { startNetwork } from "./support/network.ts"

/** From now on it is told of nobody by its user. */
const forgetBootstrap = (folder: string): void => {
  const file = join(folder, "node.yaml")
  const config: object = parse(readFileSync(file, "utf8"))
  writeYaml(file, { ...config, bootstrap: [] })
}

describe("the peer book of a node", () => {
  it.live(
    "survives kill -9, with its bans, so that a node that is told of nobody finds the network again; damage is set aside",
    () =>
      Effect.gen(function*() {
        const { launch, nodes } = yield* startNetwork(3, 2, "tcp")
        const [first, other, banned] = nodes
        assert.isDefined(first)
        assert.isDefined(other)
        assert.isDefined(banned)
        const path = join(first.dataDir, "peers.book")
        const known = ask(first.dataDir, "peers")
        yield* until("linked with both", known, (peers) => peers.filter(({ linked }) => linked).length === 2, 20_000)
        const ban = yield* cli(["ban", banned.peer, "--for", "1 hour"], { cwd: first.folder })
        assert.strictEqual(ban.code, 0, ban.stderr)
        const written = Effect.sync(() => existsSync(path) ? readFileSync(path, "utf8") : "")
        yield* until(
          "written",
          written,
          (text) => text.includes(`"banned":"${banned.peer}"`) && text.includes(`"peer":"${other.peer}"`),
          15_000
        )
        first.process.child.kill("SIGKILL")
        yield* Effect.promise(() => first.process.ended)

        forgetBootstrap(first.folder)
        yield* Effect.scoped(Effect.gen(function*() {
          const node = yield* launch(0)
          yield* Effect.promise(() => node.untilSaid("running as"))
          const peers = yield* until(
            "linked again",
            known,
            (all) => all.some(({ linked, peer }) => linked && peer === other.peer),
            20_000
          )
          const standing = peers.find(({ peer }) => peer === banned.peer)
          assert.isAbove(standing?.bannedForSeconds ?? 0, 3_000)
          assert.isFalse(standing?.linked)
          assert.notInclude(node.stderr, "peer book")
          node.child.kill("SIGTERM")
          yield* Effect.promise(() => node.ended)
        }))

        const bytes = readFileSync(path)
        writeFileSync(path, bytes.subarray(0, bytes.length - 7))
        const node = yield* launch(0)
        yield* Effect.promise(() => node.untilSaid("running as"))
        assert.match(node.stderr, /peers\.book is damaged: it is kept as .*peers\.book\.damaged-1/)
        assert.include(readdirSync(first.dataDir), "peers.book.damaged-1")
      }),
    90_000
  )
})
