import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, statSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { CliFailed } from "../../src/cli/failure.ts"
import { askNode } from "../../src/cli/status/client.ts"
import { type Answers, serveStatus } from "../../src/cli/status/server.ts"
import { temporaryFolder } from "./support/cli.ts"

const status = {
  pid: 1,
  peer: "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5",
  network: "devnet",
  upSeconds: 1,
  addresses: [],
  links: [],
  chains: []
}
const refused = () => Effect.fail(new CliFailed({ message: "not this one" }))
const answers: Answers = {
  status: Effect.succeed(status),
  peers: Effect.succeed([]),
  sessions: Effect.succeed([]),
  chains: Effect.succeed([]),
  addChains: refused,
  removeChain: refused,
  why: refused,
  ban: refused,
  unban: refused
}

/** What the socket answers to a text, until it has a line or is closed. */
const say = (dataDir: string, text: string): Effect.Effect<string> =>
  Effect.promise(async () => {
    const socket = connect(join(dataDir, "node.sock")).setEncoding("utf8").on("error", () => {})
    let heard = ""
    socket.on("data", (chunk: string) => {
      heard += chunk
      if (heard.includes("\n")) socket.destroy()
    })
    socket.write(text)
    await new Promise<void>((resolve) => socket.on("close", () => resolve()))
    return heard
  })

describe("node.sock", () => {
  it.live("answers questions, replaces a leftover, is the owner's alone, and goes with its scope", () =>
    Effect.gen(function*() {
      const dataDir = yield* temporaryFolder
      const path = join(dataDir, "node.sock")
      writeFileSync(path, "")
      yield* Effect.scoped(Effect.gen(function*() {
        yield* serveStatus(dataDir, answers)
        assert.strictEqual(statSync(path).mode & 0o777, 0o600)
        assert.deepStrictEqual(yield* askNode(dataDir, { ask: "status" }), status)
        assert.deepStrictEqual(yield* askNode(dataDir, { ask: "peers" }), [])
      }))
      assert.isFalse(existsSync(path))
      assert.match((yield* Effect.flip(askNode(dataDir, { ask: "status" }))).message, /^no node runs on /)
    }))

  it.live("tells in the node's own words why something can't be done", () =>
    Effect.gen(function*() {
      const dataDir = yield* temporaryFolder
      yield* serveStatus(dataDir, answers)
      const error = yield* Effect.flip(askNode(dataDir, { ask: "remove-chain", name: "a" }))
      assert.strictEqual(error.message, "not this one")
    }))

  it.live("says no to what is no question, hangs up on endless lines, and goes on answering", () =>
    Effect.gen(function*() {
      const dataDir = yield* temporaryFolder
      yield* serveStatus(dataDir, answers)
      for (const line of ["nonsense\n", "{}\n", "{\"ask\":\"key\"}\n", "\n"]) {
        assert.strictEqual(yield* say(dataDir, line), "{\"error\":\"unknown question\"}\n")
      }
      assert.strictEqual(yield* say(dataDir, "x".repeat(1_100_000)), "")
      assert.deepStrictEqual(yield* askNode(dataDir, { ask: "sessions" }), [])
    }))

  it.live("refuses a data directory whose path no socket can have", () =>
    Effect.gen(function*() {
      const dataDir = join(yield* temporaryFolder, "x".repeat(120))
      const error = yield* Effect.flip(serveStatus(dataDir, answers))
      assert.strictEqual(error._tag, "DataDirRejected")
      assert.match(error.message, /too long for a socket .*choose a shorter dataDir/)
    }))
})
