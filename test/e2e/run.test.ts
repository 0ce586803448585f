import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { demoChains } from "../../chains/data/index.ts"
import { ask, cli, freePorts, repository, start, temporaryFolder, until, writeYaml } from "./support/cli.ts"

const [bitcoin, testnet] = demoChains

const config = (folder: string, changes: Readonly<Record<string, unknown>> = {}) => {
  const file = join(folder, "node.yaml")
  writeYaml(file, {
    network: "devnet",
    listen: ["/ip4/127.0.0.1/tcp/0"],
    chains: [{
      name: bitcoin.name,
      genesis: bitcoin.genesis,
      session: "header-sync",
      options: { headers: "./bitcoin.headers" }
    }],
    ...changes
  })
  return file
}

/** One message for the user, and no trace of where in our code it arose. */
const assertOneMessage = (result: { readonly code: number | null; readonly stderr: string }, message: RegExp) => {
  const said = result.stderr.split("\n").filter((line) => line !== "" && !line.startsWith("{"))
  assert.strictEqual(said.length, 1, result.stderr)
  assert.match(said[0] ?? "", message)
  assert.notMatch(result.stderr, /^\s+at /m)
  assert.strictEqual(result.code, 1)
}

describe("run with wrong input", () => {
  it.live("names the port that is in use", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      const server = createServer()
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
        () => Effect.sync(() => server.close())
      )
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      config(cwd, { listen: [`/ip4/127.0.0.1/tcp/${port}`] })
      assertOneMessage(
        yield* cli(["run"], { cwd }),
        new RegExp(`^could not listen on /ip4/127\\.0\\.0\\.1/tcp/${port}: the port is in use: stop the process`)
      )
    }))

  it.live("tells how to mend a key that others can read", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      config(cwd)
      const node = yield* start(["run"], { cwd })
      yield* Effect.promise(() => node.untilSaid("running as"))
      node.child.kill("SIGTERM")
      yield* Effect.promise(() => node.ended)
      const key = join(cwd, "data", "key.pem")
      chmodSync(key, 0o644)
      assertOneMessage(yield* cli(["run"], { cwd }), new RegExp(`run {2}chmod 600 '${key}'$`))
    }))

  it.live("names the module without a session, at its place in the file", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      writeFileSync(join(cwd, "mine.mjs"), "export const session = () => {}\n")
      config(cwd, { chains: [{ name: "a", genesis: "b", session: "./mine.mjs" }] })
      assertOneMessage(
        yield* cli(["run"], { cwd }),
        /^node\.yaml:7:14 chains\[0\]\.session: expected a module whose default/
      )
      assert.deepStrictEqual(readdirSync(cwd).toSorted(), ["mine.mjs", "node.yaml"], "nothing was made")
    }))

  it.live("names the header file in which a bit is flipped", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      const headers = readFileSync(bitcoin.headers)
      const at = 80 * 5_000 + 40
      headers.writeUInt8(headers.readUInt8(at) ^ 4, at)
      writeFileSync(join(cwd, "bitcoin.headers"), headers)
      config(cwd)
      assertOneMessage(yield* cli(["run"], { cwd }), /^chain bitcoin: .*bitcoin\.headers/)
      assert.isTrue(readFileSync(join(cwd, "bitcoin.headers")).equals(headers), "what it can't read it leaves alone")
    }))

  it.live("says which process holds the data directory", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      config(cwd)
      const node = yield* start(["run"], { cwd })
      yield* Effect.promise(() => node.untilSaid("running as"))
      assertOneMessage(
        yield* cli(["run"], { cwd }),
        new RegExp(`data: process ${node.child.pid} runs on this data directory`)
      )
      assert.strictEqual((yield* ask(join(cwd, "data"), "status")).pid, node.child.pid, "the first one runs on")
    }))

  it.live("names the chain that the file does not have", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      config(cwd)
      assertOneMessage(yield* cli(["run", "--chain", "dogecoin"], { cwd }), /no chain dogecoin; the file has bitcoin/)
    }))
})

describe("a running node", () => {
  it.live("answers status, peers and sessions as tables and as JSON, and ends in order at a signal", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      config(cwd)
      const node = yield* start(["run"], { cwd })
      yield* Effect.promise(() => node.untilSaid("running as"))
      assert.strictEqual(statSync(join(cwd, "data", "node.sock")).mode & 0o777, 0o600)
      const key = JSON.parse((yield* cli(["key", "show", "--json"], { cwd })).stdout)
      const status = JSON.parse((yield* cli(["status", "--json"], { cwd })).stdout)
      assert.strictEqual(status.peer, key.peer)
      assert.strictEqual(status.pid, node.child.pid)
      assert.match(status.addresses[0], new RegExp(`^/ip4/127\\.0\\.0\\.1/tcp/\\d+/p2p/${key.peer}$`))
      assert.strictEqual(status.chains[0].session.height, 0)
      assert.match((yield* cli(["status"], { cwd })).stdout, /^bitcoin +6 +0 +0 +0 +yes +height 0/m)
      assert.deepStrictEqual(JSON.parse((yield* cli(["peers", "--json"], { cwd })).stdout), [])
      assert.match((yield* cli(["sessions"], { cwd })).stdout, /^chain +peer +direction +for\n$/)
      node.child.kill("SIGTERM")
      const ended = yield* Effect.promise(() => node.ended)
      assert.strictEqual(ended.code, 0)
      assert.strictEqual(ended.stdout, "")
      assert.notInclude(ended.stderr, readFileSync(join(cwd, "data", "key.pem"), "utf8").split("\n")[1] ?? "")
      assert.deepStrictEqual(readdirSync(join(cwd, "data")), ["key.pem"])
    }))

  it.live("is started again after it was killed, over what it left behind", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      config(cwd)
      const first = yield* start(["run"], { cwd })
      yield* Effect.promise(() => first.untilSaid("running as"))
      const { peer } = yield* ask(join(cwd, "data"), "status")
      first.child.kill("SIGKILL")
      yield* Effect.promise(() => first.ended)
      assert.isTrue(existsSync(join(cwd, "data", "node.sock")))
      assert.match((yield* cli(["status"], { cwd })).stderr, /^no node runs on /)
      const second = yield* start(["run"], { cwd })
      yield* Effect.promise(() => second.untilSaid("running as"))
      assert.strictEqual((yield* ask(join(cwd, "data"), "status")).peer, peer)
    }))

  it.live("runs two chains, or the one that is asked for", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      config(cwd, {
        chains: demoChains.map(({ name, genesis }) => ({
          name,
          genesis,
          session: "header-sync",
          options: { headers: `./${name}.headers` }
        }))
      })
      const chainsOf = (args: ReadonlyArray<string>) =>
        Effect.scoped(Effect.gen(function*() {
          const node = yield* start(["run", ...args], { cwd })
          yield* Effect.promise(() => node.untilSaid("running as"))
          const { chains } = yield* ask(join(cwd, "data"), "status")
          return chains.map(({ name }) => name)
        }))
      assert.deepStrictEqual(yield* chainsOf([]), [bitcoin.name, testnet.name])
      assert.deepStrictEqual(yield* chainsOf(["--chain", testnet.name]), [testnet.name])
    }))
})

describe("a session of the user's own", () => {
  it.live("runs between two nodes, written as an async function", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      const [port = 0] = yield* freePorts(1)
      writeFileSync(
        join(cwd, "greet.mjs"),
        `import { fromAsync } from ${JSON.stringify(pathToFileURL(join(repository, "src/index.ts")).href)}
import { writeFileSync } from "node:fs"
export default fromAsync(async (connection, signal) => {
  await connection.send(new TextEncoder().encode("hello from " + process.pid))
  for await (const message of connection) writeFileSync("heard-" + process.pid, new TextDecoder().decode(message))
})\n`
      )
      const chains = [{ name: "greetings", genesis: "hello", session: "./greet.mjs" }]
      const file = (name: string, rest: object) =>
        writeYaml(join(cwd, `${name}.yaml`), { network: "devnet", dataDir: `./${name}`, chains, ...rest })
      file("a", { listen: [`/ip4/127.0.0.1/tcp/${port}`] })
      const a = yield* start(["run", "-c", "a.yaml"], { cwd })
      yield* Effect.promise(() => a.untilSaid("running as"))
      const { addresses } = yield* ask(join(cwd, "a"), "status")
      file("b", { listen: [], bootstrap: addresses })
      const b = yield* start(["run", "-c", "b.yaml"], { cwd })
      const heard = (by: number | undefined) => {
        const path = join(cwd, `heard-${by}`)
        return existsSync(path) ? readFileSync(path, "utf8") : ""
      }
      yield* until(
        "heard at both ends",
        Effect.sync(() => [heard(a.child.pid), heard(b.child.pid)]),
        (all) => all.every((text) => text.startsWith("hello from ")),
        15_000
      )
      assert.strictEqual(heard(a.child.pid), `hello from ${b.child.pid}`)
      assert.strictEqual(heard(b.child.pid), `hello from ${a.child.pid}`)
    }))
})
