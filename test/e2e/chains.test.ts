/** Chains that come and go while nodes run, each a process of its own, over TCP. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { copyFileSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { demoChains } from "../../chains/data/index.ts"
import { askNode } from "../../src/cli/status/client.ts"
import { ask, cli, repository, until, writeYaml } from "./support/cli.ts"
import { entry, type Place, twoNodes } from "./support/pair.ts"

const [bitcoin, testnet] = demoChains

const add = ({ dataDir }: Place, chain: object) =>
  askNode(dataDir, { ask: "add-chains", source: "test", text: JSON.stringify({ chains: [chain] }), flags: [] })

/** Seconds of a node's life: the earliest and the latest at which something can have begun. */
type Began = readonly [from: number, to: number]

/** Of each node: when its sessions of bitcoin and its link began, and which chains are on the link. */
const glance = (both: ReadonlyArray<Place>) =>
  Effect.forEach(both, ({ dataDir }) =>
    Effect.gen(function*() {
      const { upSeconds: from } = yield* ask(dataDir, "status")
      const sessions = yield* ask(dataDir, "sessions")
      const { chains, links, upSeconds: to } = yield* ask(dataDir, "status")
      return {
        link: links.map(({ seconds }): Began => [to - seconds, to - seconds]),
        bitcoin: sessions.filter(({ chain }) => chain === "bitcoin").map(({ seconds }): Began => [
          from - seconds,
          to - seconds
        ]),
        onLink: links.flatMap((link) => link.chains),
        chains: chains.map(({ name }) => name)
      }
    }), { concurrency: 2 })

type Glance = Effect.Success<ReturnType<typeof glance>>

/** One of each before and after, that can have begun at the same time; all is told in tenths of a second. */
const assertOne = (before: ReadonlyArray<Began> = [], after: ReadonlyArray<Began>, what: string) => {
  assert.lengthOf(after, 1)
  const [[from, to] = [0, 0]] = before
  const [[fromNow, toNow] = [0, 0]] = after
  assert.isTrue(fromNow <= to + 0.2 && from <= toNow + 0.2, `it is the same ${what}`)
}

const assertSame = (before: Glance, after: Glance) => {
  for (const [index, { bitcoin, link }] of after.entries()) {
    assertOne(before[index]?.bitcoin, bitcoin, "session")
    assertOne(before[index]?.link, link, "link")
  }
}

/** Milliseconds. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const start = performance.now()
    return Effect.map(effect, () => performance.now() - start)
  })

describe("chains of running nodes", () => {
  it.live(
    "come within a second and go within their drain time and a second, and others notice nothing",
    () =>
      Effect.gen(function*() {
        const { both, first } = yield* twoNodes
        // Its sessions don't end by themselves, whatever is done to them.
        for (const { cwd } of both) {
          writeFileSync(
            join(cwd, "stubborn.mjs"),
            `import { Effect } from ${
              JSON.stringify(pathToFileURL(join(repository, "node_modules/effect/dist/index.js")).href)
            }
export default ({ receive }) => Effect.ensuring(Effect.ignore(Effect.forever(receive)), Effect.sleep("4 seconds"))\n`
          )
        }
        const before = yield* glance(both)
        /** Milliseconds until both had a session of it, and until both had no stream of it. */
        const comeAndGo = Effect.fnUntraced(function*(name: string) {
          const chain = { name, genesis: "00", session: "./stubborn.mjs", drainTimeout: "500 millis" }
          yield* Effect.forEach(both, (place) => add(place, chain))
          const onLink = (count: number) => (looks: Glance) =>
            looks.every((look) => look.onLink.filter((one) => one === name).length === count)
          const came = yield* timed(until("a session of it", glance(both), onLink(1), 10_000))
          yield* until(
            "active at both ends",
            Effect.forEach(both, ({ dataDir }) => ask(dataDir, "sessions")),
            (all) => all.every((sessions) => sessions.some(({ chain }) => chain === name)),
            10_000
          )
          const removal = yield* Effect.forkChild(
            askNode(first.dataDir, { ask: "remove-chain", name }),
            { startImmediately: true }
          )
          const went = yield* timed(until("gone from the link", glance(both), onLink(0), 10_000))
          return { came, went, isOver: removal.pollUnsafe() !== undefined }
        })
        let last = yield* comeAndGo("slow-0")
        // The machine that runs the tests has more to do than this one.
        for (let again = 1; again < 3 && !(last.came < 1_000 && last.went < 1_500); again++) {
          last = yield* comeAndGo(`slow-${again}`)
        }
        assert.isBelow(last.came, 1_000)
        assert.isBelow(last.went, 1_500)
        assert.isFalse(last.isOver, "what its session holds is held until it has ended")
        assertSame(before, yield* glance(both))
      }),
    120_000
  )

  it.live(
    "are added and removed by commands, which check what they are given and say what a restart forgets",
    () =>
      Effect.gen(function*() {
        const { both, first, second } = yield* twoNodes
        copyFileSync(testnet.headers, join(first.cwd, "testnet.headers"))
        const before = yield* glance(both)
        const say = (args: ReadonlyArray<string>, { cwd } = first) => cli(["chains", ...args], { cwd })

        const wrong = yield* say([
          "add",
          "testnet",
          "--genesis",
          testnet.genesis,
          "--option",
          "headrs=x",
          "--set",
          "sessionCount=four",
          "--set",
          "maxSesionCount=2"
        ])
        assert.strictEqual(wrong.code, 1)
        assert.deepStrictEqual(wrong.stderr.trim().split("\n"), [
          "flag --set maxSesionCount chains[0].maxSesionCount: unknown key; did you mean maxSessionCount?",
          "flag --set sessionCount chains[0].sessionCount: expected an integer from 1 to 64, got \"four\"",
          "flag --option headrs chains[0].options.headrs: unknown key; did you mean headers?",
          "command line chains[0].options.headers: expected a value, got nothing"
        ])
        const taken = yield* say(["add", "bitcoin", "--genesis", testnet.genesis, "--option", "headers=./a"])
        assert.strictEqual(
          taken.stderr,
          `could not add the chain bitcoin: ${"another chain runs here under this name: give one of them another name"}\n`
        )
        assert.include((yield* say(["add", "testnet"])).stderr, "which chain?")

        const flags = ["--genesis", testnet.genesis, "--option", "headers=./testnet.headers", "--set", "sessionCount=2"]
        const added = yield* say(["add", "testnet", ...flags])
        assert.strictEqual(added.code, 0, added.stderr)
        assert.match(
          added.stderr,
          /^testnet runs now, until the node stops\. To keep it, put this under chains: in .*node\.yaml\n$/
        )
        assert.strictEqual(
          added.stdout,
          `- name: testnet
  genesis: ${testnet.genesis}
  session: header-sync
  options:
    headers: ./testnet.headers
  sessionCount: 2\n`
        )
        assert.include((yield* say(["add", "testnet", ...flags])).stderr, "it runs here already")

        writeYaml(join(second.cwd, "more.yaml"), { chains: [entry(testnet)] })
        const more = yield* say(["add", "-f", "more.yaml", "--json"], second)
        assert.deepInclude(JSON.parse(more.stdout), { added: ["testnet"], written: [entry(testnet)] })
        yield* until(
          "synced",
          ask(second.dataDir, "status"),
          ({ chains }) =>
            chains.some(({ name, session }) => name === "testnet" && session["height"] === testnet.height),
          20_000
        )
        assert.match((yield* say(["list"])).stdout, /^testnet +chains add +running /m)
        const removed = yield* say(["remove", "testnet"])
        assert.strictEqual(removed.code, 0, removed.stderr)
        assert.match(removed.stderr, /^testnet is removed: /)
        assert.strictEqual(
          (yield* say(["remove", "testnet"])).stderr,
          "no chain testnet runs here: there is bitcoin\n"
        )
        yield* until(
          "gone at both ends",
          glance(both),
          (looks) => looks.every(({ onLink }) => onLink.length === 1),
          10_000
        )
        assertSame(before, yield* glance(both))
        const [peer] = yield* ask(second.dataDir, "peers")
        assert.strictEqual(peer?.failures, 0, "nobody is charged for a chain that was removed")
        const said = second.process.logs.map(({ message }) => message)
        assert.include(said, "session ended by the peer: draining")
      }),
    120_000
  )
})

describe("SIGHUP", () => {
  it.live(
    "applies what has changed in the config file, and says what waits for a restart",
    () =>
      Effect.gen(function*() {
        const { both, first } = yield* twoNodes
        const before = yield* glance(both)
        const file = join(first.cwd, "node.yaml")
        const original = readFileSync(file, "utf8")
        const names = Effect.map(ask(first.dataDir, "status"), ({ chains }) => chains.map(({ name }) => name))
        const hangUp = () => first.process.child.kill("SIGHUP")
        const messages = () => first.process.logs.map(({ message }) => message)
        const file2 = (chains: ReadonlyArray<object>, more: object = {}) =>
          writeYaml(file, { network: "devnet", listen: ["/ip4/127.0.0.1/tcp/0"], chains, ...more })

        file2([entry(bitcoin), entry(testnet)])
        hangUp()
        yield* until("added", names, (all) => all.join() === "bitcoin,testnet", 10_000)

        // Mistakes change nothing, and are told as `config check` tells them.
        file2([entry(bitcoin), { ...entry(testnet), sessionCount: "four" }, { name: "third" }])
        hangUp()
        const check = yield* cli(["config", "check", "node.yaml"], { cwd: first.cwd })
        assert.strictEqual(check.code, 1)
        for (const mistake of check.stderr.trim().split("\n")) {
          yield* Effect.promise(() => first.process.untilSaid(JSON.stringify(mistake).slice(1, -1)))
        }
        assert.deepStrictEqual(yield* names, ["bitcoin", "testnet"])

        // An option of one chain, and what can't change.
        const [peers] = [["/ip4/127.0.0.1/tcp/1/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5"]]
        file2([entry(bitcoin), entry(testnet, { sessionCount: 2 })], {
          listen: ["/ip4/127.0.0.1/tcp/1"],
          bootstrap: peers
        })
        hangUp()
        yield* Effect.promise(() => first.process.untilSaid("chain testnet was started anew: sessionCount changed"))
        yield* Effect.promise(() => first.process.untilSaid("listen: changed, but it can't change while the node runs"))
        yield* Effect.promise(() => first.process.untilSaid("1 more in bootstrap"))
        const { addresses, chains } = yield* ask(first.dataDir, "status")
        assert.deepStrictEqual(chains.map(({ sessionCount }) => sessionCount), [6, 2])
        assert.notInclude(addresses.join(), "/tcp/1/")
        assert.isTrue((yield* ask(first.dataDir, "peers")).some(({ peer }) => peer.endsWith("MtimQ5")))

        // A chain added by hand stays; one removed by hand comes back.
        yield* askNode(first.dataDir, { ask: "remove-chain", name: "testnet" })
        yield* add(first, { ...entry(testnet), name: "byhand" })
        writeFileSync(file, original)
        hangUp()
        yield* Effect.promise(() => first.process.untilSaid("nothing to change"))
        assert.deepStrictEqual(yield* names, ["bitcoin", "byhand"])
        file2([entry(bitcoin), entry(testnet)])
        hangUp()
        yield* until("back", names, (all) => all.join() === "bitcoin,byhand,testnet", 10_000)

        writeFileSync(file, original)
        hangUp()
        yield* until("removed", names, (all) => all.join() === "bitcoin,byhand", 10_000)
        assert.include(messages(), "config: chain testnet is removed")
        assertSame(before, yield* glance(both))
        first.process.child.kill("SIGTERM")
        assert.strictEqual((yield* Effect.promise(() => first.process.ended)).code, 0)
      }),
    120_000
  )
})
