import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { demoChains } from "../../chains/data/index.ts"
import { ask, until } from "./support/cli.ts"
import { startNetwork } from "./support/network.ts"

const [bitcoin] = demoChains
const kills = 50

/** Milliseconds after the node runs: the same in every run, spread over the whole of a sync. */
const delays = Array.from({ length: kills }, (_, index) => (index * 137) % 350)

describe("the header file", () => {
  it.live(
    "survives kill -9 at any moment: always a prefix of the chain, never shorter than before",
    () =>
      Effect.gen(function*() {
        const all = readFileSync(bitcoin.headers)
        const { launch, nodes } = yield* startNetwork(2, 1, "tcp")
        const [source, other] = nodes
        assert.isDefined(source)
        assert.isDefined(other)
        yield* Effect.promise(() => source.process.untilSaid("running as"))
        other.process.child.kill("SIGKILL")
        yield* Effect.promise(() => other.process.ended)
        const path = join(other.folder, "bitcoin.headers")
        let before = 0
        let partial = 0
        for (const delay of delays) {
          if (before === all.length) {
            for (const name of [path, `${path}.journal`]) rmSync(name, { force: true })
            before = 0
          }
          yield* Effect.scoped(Effect.gen(function*() {
            const node = yield* launch(1)
            yield* Effect.promise(() => node.untilSaid("running as"))
            yield* Effect.sleep(delay)
            node.child.kill("SIGKILL")
            yield* Effect.promise(() => node.ended)
            assert.notInclude(node.stderr, "gone from its end")
          }))
          const file = existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
          assert.isTrue(file.equals(all.subarray(0, file.length)), "what is there is the chain's beginning")
          assert.isAtLeast(file.length, before - (before % 80), "nothing is lost that was there")
          before = file.length
          if (file.length > 80 && file.length < all.length) partial++
        }
        assert.isAbove(partial, 0, "some kills met a sync on its way")
        yield* Effect.scoped(Effect.gen(function*() {
          const node = yield* launch(1)
          yield* Effect.promise(() => node.untilSaid("running as"))
          yield* until(
            "synced",
            ask(other.dataDir, "status"),
            ({ chains }) => chains.every(({ session }) => session["saved"] === bitcoin.height),
            20_000
          )
          node.child.kill("SIGTERM")
          assert.strictEqual((yield* Effect.promise(() => node.ended)).code, 0)
        }))
        assert.isTrue(readFileSync(path).equals(all))
      }),
    150_000
  )
})
