/** What commands tell of a peer of a running node, and do to it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { askNode } from "../../src/cli/status/client.ts"
import type { Question } from "../../src/cli/status/protocol.ts"
import { ask, cli, until } from "./support/cli.ts"
import { type Place, twoNodes } from "./support/pair.ts"

const say = ({ cwd }: Place, args: ReadonlyArray<string>) => cli(args, { cwd })

describe("why, ban and unban", () => {
  it.live(
    "end the sessions and the link of a peer, explain how it stands, and let it in again",
    () =>
      Effect.gen(function*() {
        const { both, first, second } = yield* twoNodes
        const { peer } = yield* ask(second.dataDir, "status")
        const tail = peer.slice(-8)

        const good = yield* say(first, ["why", `…${tail}`])
        assert.match(good.stdout, new RegExp(`^peer ${peer}\n {2}inbound link for `))
        assert.match(good.stdout, /^bitcoin +(in|out)bound session for .* it has a session$/m)

        const links = Effect.forEach(both, ({ dataDir }) =>
          Effect.map(ask(dataDir, "status"), ({ links }) => links.length))
        const ban = yield* say(first, ["ban", tail, "--for", "1 hour", "--reason", "it is slow"])
        assert.strictEqual(ban.code, 0, ban.stderr)
        assert.match(ban.stderr, new RegExp(`^${peer} is banned for 60 min: `))
        yield* Effect.promise(() =>
          first.process.untilSaid("banned by a command: it is slow")
        )
        yield* until("no link", links, (counts) => counts.every((count) => count === 0), 10_000)

        const why = JSON.parse((yield* say(first, ["why", peer, "bitcoin", "--json"])).stdout)
        assert.strictEqual(why.linked, null)
        assert.approximately(why.bannedForSeconds, 3_600, 120)
        assert.strictEqual(why.bannedBecause, "banned by hand: it is slow")
        const row = (yield* ask(first.dataDir, "peers")).find((one) => one.peer === peer)
        assert.deepInclude(row, { source: "info", bannedBecause: "banned by hand: it is slow" })
        assert.match((yield* say(first, ["peers"])).stdout, /no +info +.*for 59 min: banned by hand: it is slow/)
        assert.deepInclude(why.chains[0], { chain: "bitcoin", session: null, standing: "Banned" })
        assert.approximately(why.chains[0].againInSeconds, 3_600, 120)
        assert.isTrue(why.history.some((line: object) => "did" in line && line.did === "banned"))
        const ages = why.history.map(({ secondsAgo }: { readonly secondsAgo: number }) => secondsAgo)
        assert.deepStrictEqual(ages, ages.toSorted((a: number, b: number) => b - a), "oldest first")
        assert.match((yield* say(first, ["why", tail])).stdout, /banned by hand: it is slow .*banned for 60 min$/m)

        // Who was banned has heard so, and waits as well.
        const theirs = yield* ask(second.dataDir, "status")
        const [{ peer: judge } = { peer: "" }] = yield* ask(second.dataDir, "peers")
        assert.deepStrictEqual(theirs.links, [])
        assert.match((yield* say(second, ["why", judge])).stdout, /banned by the peer .*waits for 10 min$/m)

        const unban = yield* say(first, ["unban", tail])
        assert.strictEqual(unban.stderr, `${peer} is banned no more\n`)
        assert.strictEqual((yield* say(first, ["unban", tail])).stderr, `${peer} was not banned\n`)
        yield* until(
          "a session again",
          Effect.forEach(both, ({ dataDir }) => ask(dataDir, "sessions")),
          (all) => all.every((sessions) => sessions.length === 1),
          20_000
        )
      }),
    120_000
  )

  it.live(
    "say what is wrong with a peer that nobody knows, and with a time that is none",
    () =>
      Effect.gen(function*() {
        const { first, second } = yield* twoNodes
        const { peer } = yield* ask(second.dataDir, "status")
        const { peer: self } = yield* ask(first.dataDir, "status")
        const wrong = (question: Question) =>
          Effect.map(Effect.flip(askNode(first.dataDir, question)), ({ message }) => message)
        const typo = `${peer.slice(0, 20)}${peer[20] === "x" ? "y" : "x"}${peer.slice(21)}`
        const named = yield* say(first, ["why", typo])
        assert.strictEqual(named.code, 1)
        assert.strictEqual(named.stderr, `no peer ${typo} is known here; did you mean ${peer}?\n`)
        assert.include(yield* wrong({ ask: "why", peer: "nobody" }), "`chain-p2p peers` lists those that are")
        assert.include(yield* wrong({ ask: "ban", peer: self, forMillis: 1_000 }), "is this node itself")
        assert.include(yield* wrong({ ask: "why", peer, chain: "dogecoin" }), "no chain dogecoin runs here: there is")
        const time = yield* say(first, ["ban", peer, "--for", "an hour"])
        assert.strictEqual(time.code, 1)
        assert.include(time.stderr, "flag --for: expected a duration with its unit")

        const stranger = "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5"
        const ban = yield* say(first, ["ban", stranger])
        assert.match(ban.stderr, /is banned for 30 min: .* The peer book didn't know it\.$/m)
        assert.match(
          (yield* say(first, ["why", stranger])).stdout,
          /the peer book doesn't know it\n {2}banned for another 29 min: banned by hand$/m
        )
      }),
    120_000
  )
})
