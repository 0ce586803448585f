import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fc from "fast-check"
import { changesOf, type KnownChain, loadChains, type Loaded, loadText } from "../../../src/config/index.ts"

const loaded = (chains: ReadonlyArray<object>, more: object = {}) =>
  loadText(JSON.stringify({ network: "devnet", chains, ...more }), { file: "/etc/p2p/node.yaml" })

const chain = (name: string, more: object = {}) => ({ name, genesis: "00", session: "header-sync", ...more })

const running = ({ settings }: Loaded, byHand = false): ReadonlyArray<KnownChain> =>
  settings.chains.map((settings) => ({ settings, byHand }))

const namesOf = (changes: ReturnType<typeof changesOf>) => ({
  added: changes.added.map(({ node }) => node.chain.name),
  removed: changes.removed,
  changed: changes.changed.map(({ keys, settings }) => [settings.node.chain.name, ...keys]),
  adopted: changes.adopted.map(({ node }) => node.chain.name)
})
const nothing = { added: [], removed: [], changed: [], adopted: [] }

describe("a config file that is read again", () => {
  it.effect("asks for the difference, chain by chain", () =>
    Effect.gen(function*() {
      const before = yield* loaded([
        chain("a"),
        chain("b", { sessionCount: 2 }),
        chain("c", { options: { x: 1, y: 2 } })
      ])
      const after = yield* loaded([
        chain("d"),
        chain("c", { options: { y: 2, x: 1 } }),
        chain("b", { sessionCount: 3, genesis: "01", knownPeers: [] })
      ])
      assert.deepStrictEqual(namesOf(changesOf(before.settings, running(before), after)), {
        ...nothing,
        added: ["d"],
        removed: ["a"],
        changed: [["b", "sessionCount", "genesis"]]
      })
    }))

  it.effect("finds no change in a default that is written out, in another unit, or in another order", () =>
    Effect.gen(function*() {
      const before = yield* loaded([chain("a"), chain("b", { sessionTimeout: "10 minutes" })])
      const after = yield* loaded([
        chain("b", { sessionTimeout: "600 seconds" }),
        chain("a", { sessionCount: 6, sessionTimeout: "4 minutes", private: false, window: "1024 KiB" })
      ])
      assert.deepStrictEqual(namesOf(changesOf(before.settings, running(before), after)), nothing)
    }))

  it.effect("finds no change in a count that is written out as it follows from sessionCount, and one in any other", () =>
    Effect.gen(function*() {
      const before = yield* loaded([chain("a"), chain("b", { sessionCount: 3 })])
      const counts = { sessionCount: 3, maxInboundCount: 6, maxSessionCount: 9 }
      const same = yield* loaded([chain("a", { maxInboundCount: 12, maxSessionCount: 18 }), chain("b", counts)])
      assert.deepStrictEqual(namesOf(changesOf(before.settings, running(before), same)), nothing)
      assert.deepStrictEqual(namesOf(changesOf(same.settings, running(same), before)), nothing)
      const other = yield* loaded([chain("a", { maxInboundCount: 11 }), chain("b", { ...counts, maxSessionCount: 10 })])
      assert.deepStrictEqual(namesOf(changesOf(before.settings, running(before), other)), {
        ...nothing,
        changed: [["a", "maxInboundCount"], ["b", "maxSessionCount"]]
      })
    }))

  it.effect("leaves alone what was added by hand, takes it over once the file has it, and brings back what was removed", () =>
    Effect.gen(function*() {
      const file = yield* loaded([chain("a"), chain("b")])
      const byHand = running(yield* loaded([chain("c")]), true)
      const some = running(file).slice(0, 1)
      assert.deepStrictEqual(namesOf(changesOf(file.settings, [...some, ...byHand], file)), {
        ...nothing,
        added: ["b"]
      })
      const withC = yield* loaded([chain("a"), chain("b"), chain("c")])
      assert.deepStrictEqual(namesOf(changesOf(file.settings, [...running(file), ...byHand], withC)), {
        ...nothing,
        adopted: ["c"]
      })
    }))

  it.effect("names what waits for a restart, with its place, and takes new bootstrap peers at once", () =>
    Effect.gen(function*() {
      const peer = (port: number) =>
        `/ip4/192.0.2.1/tcp/${port}/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5`
      const before = yield* loaded([chain("a")], { bootstrap: [peer(1)] })
      const after = yield* loadText(
        `network: devnet\nlisten: [/ip4/127.0.0.1/tcp/1]\nbootstrap: ["${
          peer(2)
        }"]\nlimits: { links: 9 }\ndataDir: ./x\nchains:\n- ${JSON.stringify(chain("a"))}\n`,
        { file: "/etc/p2p/node.yaml" }
      )
      const { bootstrap, later } = changesOf(before.settings, running(before), after)
      assert.deepStrictEqual(bootstrap, after.settings.bootstrap)
      const restart = "changed, but it can't change while the node runs: restart it"
      assert.deepStrictEqual(later, [
        `/etc/p2p/node.yaml:5:10 dataDir: ${restart}`,
        `/etc/p2p/node.yaml:2:9 listen: ${restart}`,
        `/etc/p2p/node.yaml:4:9 limits: ${restart}`,
        "/etc/p2p/node.yaml:3:12 bootstrap: peers are gone from it, but stay known until a restart"
      ])
    }))

  it.effect("touches no chain while the network is another", () =>
    Effect.gen(function*() {
      const before = yield* loaded([chain("a")])
      const after = yield* loaded([chain("b")], { network: "mainnet" })
      const changes = changesOf(before.settings, running(before), after)
      assert.deepStrictEqual(namesOf(changes), nothing)
      assert.lengthOf(changes.later, 1)
    }))

  it.effect("minds only the chains that are wanted", () =>
    Effect.gen(function*() {
      const before = yield* loaded([chain("a")])
      const after = yield* loaded([chain("a"), chain("b")])
      const onlyA = changesOf(before.settings, running(before), after, (name) => name === "a")
      assert.deepStrictEqual(namesOf(onlyA), nothing)
    }))

  it("asks for nothing more once what it asked for is done", () => {
    const chains = fc.uniqueArray(
      fc.record({ name: fc.constantFrom("a", "b", "c", "d"), sessionCount: fc.integer({ min: 1, max: 3 }) }),
      { selector: ({ name }) => name, minLength: 1 }
    )
    fc.assert(fc.property(chains, chains, (was, is) => {
      const load = (all: typeof was) => Effect.runSync(loaded(all.map((one) => chain(one.name, one))))
      const [before, after] = [load(was), load(is)]
      const { added, changed, removed } = changesOf(before.settings, running(before), after)
      const name = ({ settings }: KnownChain) => settings.node.chain.name
      const done = [
        ...running(before).filter((one) =>
          !removed.includes(name(one)) && !changed.some(({ settings }) => settings.node.chain.name === name(one))
        ),
        ...[...added, ...changed.map(({ settings }) => settings)].map((settings) => ({ settings, byHand: false }))
      ]
      assert.sameMembers(done.map(name), is.map((one) => one.name))
      assert.deepStrictEqual(namesOf(changesOf(before.settings, done, after)), nothing)
    }))
  })
})

describe("chains for a running node", () => {
  const load = (
    text: string,
    flags: ReadonlyArray<
      { readonly path: ReadonlyArray<string | number>; readonly value: unknown; readonly source: string }
    > = []
  ) => loadChains(text, { file: "more.yaml", folder: "/etc/p2p", network: "devnet", flags })
  const mistakes = (text: string) => Effect.map(Effect.flip(load(text)), ({ message }) => message.split("\n"))

  it.effect("mean what they would mean in the node's own file", () =>
    Effect.gen(function*() {
      const { chains, warnings } = yield* load(
        "chains:\n- { name: a, genesis: '00', session: header-sync, sessionTimeout: 1 minute }\n"
      )
      assert.deepStrictEqual(chains.map(({ node }) => node.chain), [{ network: "devnet", name: "a", genesis: "00" }])
      assert.lengthOf(warnings, 1, "of the node's own keys nothing is said")
      assert.match(
        warnings[0] ?? "",
        /^more\.yaml:2:\d+ chains\[0\]\.sessionTimeout: a session timeout under 2 minutes/
      )
    }))

  it.effect("say nothing of the node that runs, but its network", () =>
    Effect.gen(function*() {
      const entry = "chains:\n- { name: a, genesis: '00', session: header-sync }\n"
      assert.lengthOf((yield* load(`network: devnet\n${entry}`)).chains, 1)
      assert.deepStrictEqual(yield* mistakes(`network: mainnet\nlisten: []\nlisten2: []\n${entry}`), [
        "more.yaml:1:1: expected the network devnet of the running node, got \"mainnet\"",
        "more.yaml:2:1 listen: expected chains and nothing else: this can't change while a node runs",
        "more.yaml:3:1 listen2: unknown key; did you mean listen?"
      ])
    }))

  it.effect("have all their mistakes told at once", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* mistakes("chains:\n- { name: a, genesis: '00', session: x, sessionCount: 0 }\n- 5\n"),
        [
          "more.yaml:2:55 chains[0].sessionCount: expected an integer from 1 to 64, got 0",
          "more.yaml:3:3 chains[1]: expected a chain: name, genesis, session and its options, got 5"
        ]
      )
      assert.lengthOf(yield* mistakes("{}"), 1)
    }))

  it.effect("can be given by flags alone", () =>
    Effect.gen(function*() {
      const flag = (key: string, value: unknown) => ({ path: ["chains", 0, key], value, source: `flag --${key}` })
      const all = [flag("name", "a"), flag("genesis", "00"), flag("session", "header-sync")]
      assert.lengthOf((yield* load("chains: [{}]", all)).chains, 1)
      const wrong = yield* Effect.flip(load("chains: [{}]", [...all, flag("sessionCount", "four")]))
      assert.strictEqual(
        wrong.message,
        "flag --sessionCount chains[0].sessionCount: expected an integer from 1 to 64, got \"four\""
      )
    }))
})
