import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Result } from "effect"
import * as fc from "fast-check"
import { loadText } from "../../../src/config/index.ts"
import type { LoadOptions, WrittenChain } from "../../../src/config/load.ts"

const genesis = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
const chain = `  - name: bitcoin\n    genesis: ${genesis}\n    session: header-sync\n`
const good = `network: devnet\nchains:\n${chain}`

const mistakes = (text: string, options: Partial<LoadOptions> = {}) =>
  loadText(text, { file: "node.yaml", ...options }).pipe(
    Effect.flip,
    Effect.map((error) => error.message.split("\n"))
  )
const load = (text: string, options: Partial<LoadOptions> = {}) =>
  loadText(text, { file: "/etc/p2p/node.yaml", ...options })

describe("a config file", () => {
  it.effect("reports every mistake at once, each with its place, in the order of the file", () =>
    Effect.gen(function*() {
      const found = yield* mistakes(`network: devnet
dataDir: 5
listen: [/ip4/1.2.3.4/tcp/99999]
limits: { links: 0 }
chains:
  - name: bitcoin
    genesis: ${genesis}
    session: header-sync
    sessionCount: "four"
`)
      assert.deepStrictEqual(found, [
        "node.yaml:2:10 dataDir: expected a path, got 5",
        "node.yaml:3:10 listen[0]: expected a multiaddr to listen on, such as /ip4/0.0.0.0/tcp/7400 or /ip4/0.0.0.0/udp/7400/quic-v1, got \"/ip4/1.2.3.4/tcp/99999\"",
        "node.yaml:4:18 limits.links: expected an integer from 1 to 100000, got 0",
        "node.yaml:9:19 chains[0].sessionCount: expected an integer from 1 to 64, got \"four\""
      ])
    }))

  it.effect("names the nearest known key for an unknown one, at the key", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* mistakes(`${good}    sesionCount: 3\nlimits:\n  lonks: 1\n`), [
        "node.yaml:6:5 chains[0].sesionCount: unknown key; did you mean sessionCount?",
        "node.yaml:8:3 limits.lonks: unknown key; did you mean links?"
      ])
    }))

  it.effect("tells the known keys where none is near", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* mistakes(`${good}zzzzzzzzz: 1\n`), [
        "node.yaml:6:1 zzzzzzzzz: unknown key; known here: network, dataDir, listen, bootstrap, limits, discovery, peerExchange, chains"
      ])
    }))

  it.effect("leaves outbound sessions their room beside the inbound ones", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* mistakes(`${good}    maxInboundCount: 10\n    maxSessionCount: 12\n`), [
        "node.yaml:7:22 chains[0].maxSessionCount: expected at least sessionCount + maxInboundCount (16), got 12"
      ])
    }))

  it.effect("wants a unit with every duration and size", () =>
    Effect.gen(function*() {
      const found = yield* mistakes(
        `${good}    sessionTimeout: 240\n    maxMessageBytes: 2097152\n    window: 1 mebibyte\n`
      )
      assert.strictEqual(found.length, 3)
      assert.match(found[0] ?? "", /^node\.yaml:6:21 chains\[0\]\.sessionTimeout: expected a duration .* got 240$/)
      assert.match(found[1] ?? "", /^node\.yaml:7:22 chains\[0\]\.maxMessageBytes: expected a size .* got 2097152$/)
      assert.match(found[2] ?? "", /^node\.yaml:8:13 chains\[0\]\.window: expected a size .* got "1 mebibyte"$/)
    }))

  it.effect("reports mistakes between keys beside those of single keys", () =>
    Effect.gen(function*() {
      const found = yield* mistakes(
        `network: 7\nchains:\n${chain}    sessionCount: 5\n    maxSessionCount: 4\n    minMessageBytes: 3 MiB\n    private: true\n${chain}`
      )
      assert.deepStrictEqual(found.map((line) => line.slice(0, line.indexOf(": expected"))), [
        "node.yaml:1:10 network",
        "node.yaml:7:22 chains[0].maxSessionCount",
        "node.yaml:8:22 chains[0].minMessageBytes",
        "node.yaml:9:14 chains[0].private",
        "node.yaml:10:11 chains[1].name"
      ])
    }))

  it.effect("places a missing key at the thing that lacks it", () =>
    Effect.gen(function*() {
      const found = yield* mistakes(`network: devnet\nchains:\n  - name: a\n    genesis: b\n`)
      assert.deepStrictEqual(found, [
        "node.yaml:3:5 chains[0].session: expected the name of a ready-made session (header-sync), or a path to a module that exports one, got nothing"
      ])
    }))

  it.effect("tells syntax errors with their place, and only these", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* mistakes("network: a\nnetwork: b\nchains: 3\n"), [
        "node.yaml:2:1: Map keys must be unique"
      ])
      assert.match((yield* mistakes("{ \"network\": \"a\", }}", { file: "node.json" }))[0] ?? "", /^node\.json:1:\d+: /)
      assert.match((yield* mistakes("network = \n", { file: "node.toml" }))[0] ?? "", /^node\.toml:1:11: /)
    }))

  it.effect("refuses a file whose aliases would fill the memory", () =>
    Effect.gen(function*() {
      const levels = Array.from({ length: 9 }, (_, i) =>
        `a${i + 1}: &a${i + 1} [${Array.from({ length: 10 }, () => `*a${i}`).join(", ")}]`)
      assert.strictEqual((yield* mistakes(`a0: &a0 x\n${levels.join("\n")}\n`)).length, 1)
    }))

  it.effect("turns texts into values, and paths into absolute ones from the file's folder", () =>
    Effect.gen(function*() {
      const { settings } = yield* load(
        `${good}    sessionTimeout: infinity\n    window: 512 KiB\n    options: { headers: ./b.bin }\n`
      )
      assert.strictEqual(settings.dataDir, "/etc/p2p/data")
      assert.strictEqual(settings.folder, "/etc/p2p")
      assert.deepStrictEqual([...settings.listen], ["/ip4/0.0.0.0/tcp/7400", "/ip4/0.0.0.0/udp/7400/quic-v1"])
      assert.deepStrictEqual(settings.limits, { links: 256, linksPerGroup: 16 })
      assert.deepStrictEqual(settings.discovery, { mdns: false })
      assert.deepStrictEqual(settings.peerExchange, { provenFor: Duration.minutes(5) })
      const [first] = settings.chains
      assert.deepStrictEqual(first?.node.chain, { network: "devnet", name: "bitcoin", genesis })
      assert.strictEqual(first?.node.sessionTimeout, Duration.infinity)
      assert.strictEqual(first?.node.window, 512 * 1024)
      assert.deepStrictEqual(first?.options, { headers: "./b.bin" })
    }))

  it.effect("tells what is wrong with sessions among all other mistakes", () =>
    Effect.gen(function*() {
      const checkSession = ({ folder, index, session }: WrittenChain) =>
        Effect.succeed([{
          path: ["chains", index, "session"],
          part: "value" as const,
          what: `no ${session} in ${folder}`
        }])
      const found = yield* mistakes(`network: 7\nchains:\n${chain}    sessionCount: 0\n`, {
        file: "/etc/p2p/node.yaml",
        checkSession
      })
      assert.deepStrictEqual(found, [
        "/etc/p2p/node.yaml:1:10 network: expected a text of 1 to 64 characters, got 7: put it in quotes",
        "/etc/p2p/node.yaml:5:14 chains[0].session: no header-sync in /etc/p2p",
        "/etc/p2p/node.yaml:6:19 chains[0].sessionCount: expected an integer from 1 to 64, got 0"
      ])
    }))

  it.effect("means the same in YAML, JSON and TOML", () =>
    Effect.gen(function*() {
      const yaml = yield* load(`${good}    sessionCount: 3\nlimits: { links: 9 }\n`)
      const json = yield* load(JSON.stringify(yaml.values), { file: "/etc/p2p/node.json" })
      const toml = yield* load(
        `network = "devnet"\n[limits]\nlinks = 9\n[[chains]]\nname = "bitcoin"\ngenesis = "${genesis}"\nsession = "header-sync"\nsessionCount = 3\n`,
        { file: "/etc/p2p/node.toml" }
      )
      assert.deepStrictEqual(json.settings, yaml.settings)
      assert.deepStrictEqual(toml.settings, yaml.settings)
    }))

  it.effect("finds the places of TOML's tables and keys", () =>
    Effect.gen(function*() {
      const found = yield* mistakes(
        `network = "devnet"\n[limits]\n  links = "a"\n[[chains]]\nname = "a"\ngenesis = "g"\nsession = "s"\n[[chains]]\nname = "b"\ngenesis = "g"\nsession = "s"\n sessionCount = 99\n`,
        { file: "node.toml" }
      )
      assert.deepStrictEqual(found, [
        "node.toml:3:11 limits.links: expected an integer from 1 to 100000, got \"a\"",
        "node.toml:12:17 chains[1].sessionCount: expected an integer from 1 to 64, got 99"
      ])
    }))

  it("never dies of a text, whatever it holds", () => {
    fc.assert(fc.property(
      fc.oneof(fc.string({ unit: "binary" }), fc.json(), fc.constantFrom("node.toml", "node.yaml")),
      fc.constantFrom("node.toml", "node.yaml"),
      (text, file) => {
        const result = Effect.runSync(Effect.result(loadText(text, { file })))
        return Result.isFailure(result) && result.failure.mistakes.length > 0
      }
    ))
  })
})

describe("precedence", () => {
  const text = `${good}dataDir: ./file\n`
  it.effect("is flag, then environment, then file, then default; and each value's origin is known", () =>
    Effect.gen(function*() {
      const environment = { CHAIN_P2P_DATA_DIR: "./env", CHAIN_P2P_CHAIN_BITCOIN_SESSION_COUNT: "9" }
      const flags = [{ path: ["dataDir"], value: "./flag", source: "flag --data-dir" }]
      const file = yield* load(text)
      const env = yield* load(text, { environment })
      const all = yield* load(text, { environment, flags })
      assert.strictEqual(file.settings.dataDir, "/etc/p2p/file")
      assert.strictEqual(env.settings.dataDir, "/etc/p2p/env")
      assert.strictEqual(all.settings.dataDir, "/etc/p2p/flag")
      assert.strictEqual(env.settings.chains[0]?.node.sessionCount, 9)
      assert.strictEqual(file.origin(["dataDir"]), "/etc/p2p/node.yaml:6:10")
      assert.strictEqual(env.origin(["dataDir"]), "environment variable CHAIN_P2P_DATA_DIR")
      assert.strictEqual(all.origin(["dataDir"]), "flag --data-dir")
      assert.strictEqual(file.origin(["listen"]), undefined)
    }))

  it.effect("blames the variable for a mistake in it, and reads lists from it", () =>
    Effect.gen(function*() {
      const environment = { CHAIN_P2P_LISTEN: "/ip4/127.0.0.1/tcp/0, nonsense", CHAIN_P2P_LIMITS_LINKS: "many" }
      assert.deepStrictEqual(yield* mistakes(good, { environment }), [
        "environment variable CHAIN_P2P_LISTEN listen[1]: expected a multiaddr to listen on, such as /ip4/0.0.0.0/tcp/7400 or /ip4/0.0.0.0/udp/7400/quic-v1, got \"nonsense\"",
        "environment variable CHAIN_P2P_LIMITS_LINKS limits.links: expected an integer from 1 to 100000, got \"many\""
      ])
    }))

  it.effect("warns about a variable that means nothing", () =>
    Effect.gen(function*() {
      const { warnings } = yield* load(good, { environment: { CHAIN_P2P_DATADIR: "x", PATH: "y" } })
      assert.include(
        warnings,
        "environment variable CHAIN_P2P_DATADIR: unknown, so it is ignored; did you mean CHAIN_P2P_DATA_DIR?"
      )
    }))
})

describe("warnings", () => {
  const warned = (text: string) => Effect.map(load(text), ({ warnings }) => warnings.join("\n"))
  it.effect("explain what is legal but unwise", () =>
    Effect.gen(function*() {
      assert.match(yield* warned(good), /no bootstrap and no knownPeers/)
      assert.match(
        yield* warned(`${good}    sessionTimeout: 30 seconds\n`),
        /node\.yaml:6:21 chains\[0\]\.sessionTimeout: .*under 2 minutes costs/
      )
      assert.notMatch(yield* warned(`${good}discovery: { mdns: true }\n`), /no bootstrap/)
      assert.match(yield* warned(`${good}    sessionTimeout: infinity\n`), /never rotated/)
      assert.match(yield* warned(`${good}    maxInboundCount: 1\n`), /fewer inbound than outbound/)
      assert.match(yield* warned(`${good}listen: []\n`), /nobody can dial/)
      assert.match(yield* warned(`${good}limits: { links: 2 }\n`), /fewer links than the 6 sessions/)
      assert.match(yield* warned(`${good}    sessionCount: 64\n    window: 64 MiB\n`), /may hold \d+ MiB/)
    }))

  it.effect("are silent about a wise file", () =>
    Effect.gen(function*() {
      const peer = "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5"
      assert.strictEqual(yield* warned(`${good}bootstrap: [/ip4/192.0.2.1/tcp/7400/p2p/${peer}]\n`), "")
    }))
})
