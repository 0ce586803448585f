import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { demoChains } from "../../chains/data/index.ts"
import { ask, cli, start, temporaryFolder, until } from "./support/cli.ts"

describe("devnet --until-synced --json", () => {
  it.live("brings every header to every node over shared links, prints one JSON object and exits 0", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      const { code, stderr, stdout } = yield* cli(["devnet", "--until-synced", "--json"], { cwd })
      assert.strictEqual(code, 0, stderr)
      const { links, nodes, seconds } = JSON.parse(stdout)
      assert.strictEqual(links, 6)
      assert.isBelow(seconds, 60)
      assert.deepStrictEqual(
        nodes,
        [1, 2, 3, 4].flatMap((node) =>
          demoChains.map(({ height, name, tip }) => ({ node, chain: name, height, tip, sessions: 3 }))
        )
      )
      assert.deepStrictEqual(readdirSync(cwd), [], "nothing is left behind")
    }))

  it.live("says that npm's banner is in the way, when npm runs it and nobody asked it to be silent", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      const flags = ["devnet", "--nodes", "2", "--until-synced", "--json"]
      const npm = { npm_lifecycle_event: "start", npm_config_loglevel: "notice" }
      const loud = yield* cli(flags, { cwd, env: npm })
      assert.match(loud.stderr, /npm start -s -- --until-synced --json/)
      assert.strictEqual(JSON.parse(loud.stdout).links, 1)
      const silent = yield* cli(flags, { cwd, env: { ...npm, npm_config_loglevel: "silent" } })
      assert.notInclude(silent.stderr, "npm start")
    }))

  it.live("exits with the reason, and not with 0, when it doesn't come about", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      const folder = join(cwd, "net", "node-1")
      mkdirSync(folder, { recursive: true })
      for (const { headers, name } of demoChains) {
        writeFileSync(join(folder, `${name}.headers`), readFileSync(headers).subarray(0, 80 * 1_000))
      }
      const flags = ["devnet", "--nodes", "2", "--data", "net", "--until-synced", "--json", "--within", "4"]
      const { code, stderr, stdout } = yield* cli(flags, { cwd })
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, "")
      assert.match(stderr, /not synced after 4 seconds:\n {2}node 1 bitcoin: header 999 of 9999\n/)
    }))

  it.live("goes on over TCP where there is no QUIC, and says so", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      const guard = join(cwd, "no-quic.mjs")
      writeFileSync(
        guard,
        `import { registerHooks } from "node:module"
registerHooks({ resolve: (specifier, context, next) => {
  if (specifier.startsWith("@chainsafe/libp2p-quic")) throw new Error("not installed")
  return next(specifier, context)
} })\n`
      )
      const { code, stderr, stdout } = yield* cli(["devnet", "--nodes", "3", "--until-synced", "--json"], {
        cwd,
        env: { NODE_OPTIONS: `--import ${pathToFileURL(guard).href}` }
      })
      assert.strictEqual(code, 0, stderr)
      assert.match(stderr, /no QUIC here .*going on with TCP alone/)
      assert.strictEqual(JSON.parse(stdout).links, 3)
    }))

  it.live("refuses a number of nodes that makes no network", () =>
    Effect.gen(function*() {
      const { code, stderr } = yield* cli(["devnet", "--nodes", "1"], { cwd: yield* temporaryFolder })
      assert.strictEqual(code, 1)
      assert.match(stderr, /Expected: 2 to 64 nodes/)
    }))
})

describe("devnet", () => {
  it.live("shows a summary, goes on, answers questions, mixes TCP and QUIC, and stops in order", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      const devnet = yield* start(["devnet", "--data", "net"], { cwd })
      yield* Effect.promise(() => devnet.untilSaid("To try next"))
      assert.match(devnet.stderr, /^ +4 +testnet +9999 +000000001655e2a7293f2838… +3 +yes$/m)
      assert.include(devnet.stderr, "6 links carry it all")
      const statuses = yield* Effect.forEach([1, 2, 3, 4], (node) => ask(join(cwd, "net", `node-${node}`), "status"))
      const remotes = statuses.flatMap(({ links }) => links.map(({ remote }) => remote))
      assert.strictEqual(remotes.length, 12)
      assert.isTrue(remotes.some((remote) => remote.includes("/tcp/")), "some links are TCP")
      assert.isTrue(remotes.some((remote) => remote.includes("/quic-v1")), "some links are QUIC")
      for (const { chains, links } of statuses) {
        assert.isTrue(chains.every(({ atTarget }) => atTarget))
        for (const link of links) assert.sameMembers([...link.chains], ["bitcoin", "testnet"])
      }
      devnet.child.kill("SIGINT")
      assert.strictEqual((yield* Effect.promise(() => devnet.ended)).code, 0)
      for (const { height, headers, name } of demoChains) {
        const file = readFileSync(join(cwd, "net", "node-3", `${name}.headers`))
        assert.strictEqual(file.length, 80 * (height + 1))
        assert.isTrue(file.equals(readFileSync(headers)), "the file is what the first node had")
      }
      assert.isFalse(existsSync(join(cwd, "net", "node-1", "node.sock")))
    }))

  it.live("goes on from the files that it kept", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      const args = ["devnet", "--nodes", "2", "--data", "net", "--until-synced", "--json"]
      const first = yield* cli(args, { cwd })
      const second = yield* cli(args, { cwd })
      assert.deepStrictEqual(JSON.parse(second.stdout).nodes, JSON.parse(first.stdout).nodes)
    }))

  it.live("stops at once at a second signal", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      const devnet = yield* start(["devnet", "--nodes", "2", "--data", "net"], { cwd })
      yield* Effect.promise(() => devnet.untilSaid("To try next"))
      yield* until("asked", ask(join(cwd, "net", "node-1"), "status"), () => true, 5_000)
      devnet.child.kill("SIGINT")
      yield* Effect.promise(() => devnet.untilSaid("another signal stops at once"))
      devnet.child.kill("SIGTERM")
      const { code } = yield* Effect.promise(() => devnet.ended)
      // In order if it was done before the second signal came; at once otherwise.
      assert.include([0, 143], code)
    }))
})
