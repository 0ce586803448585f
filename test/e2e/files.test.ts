import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { cli, repository, temporaryFolder } from "./support/cli.ts"

const genesis = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"

describe("init", () => {
  it.live("writes a file that config check accepts, and never writes over one", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      assert.strictEqual((yield* cli(["init"], { cwd })).code, 0)
      const text = readFileSync(join(cwd, "node.yaml"), "utf8")
      assert.match(text, /^# yaml-language-server: \$schema=\.\/chain-p2p\.schema\.json\n/)
      const checked = yield* cli(["config", "check", "node.yaml"], { cwd })
      assert.strictEqual(checked.code, 0)
      assert.match(checked.stderr, /node\.yaml: valid, 1 chain/)
      const again = yield* cli(["init"], { cwd })
      assert.strictEqual(again.code, 1)
      assert.match(again.stderr, /^node\.yaml exists already/)
      assert.strictEqual(readFileSync(join(cwd, "node.yaml"), "utf8"), text)
      const schema = yield* cli(["schema"], { cwd })
      assert.deepStrictEqual(
        JSON.parse(schema.stdout),
        JSON.parse(readFileSync(join(cwd, "chain-p2p.schema.json"), "utf8"))
      )
    }))
})

describe("config check", () => {
  it.live("reports all of five mistakes with line and column, and starts nothing", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      writeFileSync(
        join(cwd, "node.yaml"),
        `netwrk: devnet
listen: [/ip4/127.0.0.1/tcp/99999]
chains:
  - name: bitcoin
    genesis: ${genesis}
    session: header-sync
    sessionCount: "four"
    sessionTimeout: 240
    options: { headers: ./bitcoin.headers }
`
      )
      const { code, stdout, stderr } = yield* cli(["config", "check", "node.yaml"], { cwd })
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, "")
      const lines = stderr.trim().split("\n")
      assert.deepStrictEqual(lines.map((line) => line.slice(0, line.indexOf(": "))), [
        "node.yaml:1:1 netwrk",
        "node.yaml:1:1 network",
        "node.yaml:2:10 listen[0]",
        "node.yaml:7:19 chains[0].sessionCount",
        "node.yaml:8:21 chains[0].sessionTimeout"
      ])
      assert.strictEqual(
        lines[3],
        "node.yaml:7:19 chains[0].sessionCount: expected an integer from 1 to 64, got \"four\""
      )
    }))

  it.live("reports sessions that can't be loaded, and their wrong options, at their places", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      writeFileSync(join(cwd, "empty.mjs"), "export const session = 1\n")
      writeFileSync(join(cwd, "broken.mjs"), "throw new Error('out of paper')\n")
      writeFileSync(join(cwd, "plain.mjs"), "export default (connection) => connection.close\n")
      const chain = (name: string, session: string, more = "") =>
        `  - name: ${name}\n    genesis: ${genesis}\n    session: ${session}\n${more}`
      writeFileSync(
        join(cwd, "node.yaml"),
        `network: 5\nchains:\n${chain("a", "./empty.mjs")}${chain("b", "./broken.mjs")}${chain("c", "header-snyc")}${
          chain("d", "header-sync", "    options: { haeders: ./x }\n")
        }${chain("e", "./plain.mjs", "    options: { colour: red }\n")}${chain("f", "./plain.mjs")}`
      )
      const { code, stderr } = yield* cli(["config", "check", "node.yaml"], { cwd })
      assert.strictEqual(code, 1)
      const lines = stderr.trim().split("\n")
      assert.match(lines.shift() ?? "", /^node\.yaml:1:10 network: /, "beside all other mistakes")
      assert.match(lines[0] ?? "", /^node\.yaml:5:14 chains\[0\]\.session: expected a module .* got no default export$/)
      assert.match(lines[1] ?? "", /^node\.yaml:8:14 chains\[1\]\.session: the module can't be loaded: out of paper$/)
      assert.match(lines[2] ?? "", /^node\.yaml:11:14 chains\[2\]\.session: .*did you mean header-sync\?$/)
      assert.deepStrictEqual(lines.slice(3, 5).toSorted(), [
        "node.yaml:15:14 chains[3].options.headers: expected a value, got nothing",
        "node.yaml:15:16 chains[3].options.haeders: unknown key; did you mean headers?"
      ])
      assert.match(lines[5] ?? "", /^node\.yaml:19:14 chains\[4\]\.options: this session takes no options/)
      assert.strictEqual(lines.length, 6)
    }))

  it.live("says so when there is no file", () =>
    Effect.gen(function*() {
      const { code, stderr } = yield* cli(["config", "check"], { cwd: yield* temporaryFolder })
      assert.strictEqual(code, 1)
      assert.strictEqual(stderr, "node.yaml: there is no such file; `chain-p2p init` writes one\n")
    }))
})

describe("config print", () => {
  it.live("shows the values that hold, and where each comes from", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      yield* cli(["init"], { cwd })
      const { code, stdout, stderr } = yield* cli(["config", "print", "--data-dir", "elsewhere"], {
        cwd,
        env: { CHAIN_P2P_LIMITS_LINKS: "7", CHAIN_P2P_LIMIT_LINKS: "8" }
      })
      assert.strictEqual(code, 0)
      assert.match(stdout, /^limits\.links: 7 +# environment variable CHAIN_P2P_LIMITS_LINKS$/m)
      assert.match(stdout, /^dataDir: \/.*\/elsewhere +# flag --data-dir$/m)
      assert.match(stdout, /^chains\[0\]\.name: bitcoin +# node\.yaml:\d+:\d+$/m)
      assert.match(stdout, /^chains\[0\]\.window: 1 MiB +# default$/m)
      assert.match(stderr, /CHAIN_P2P_LIMIT_LINKS: unknown, so it is ignored; did you mean CHAIN_P2P_LIMITS_LINKS\?/)
    }))
})

describe("fast commands", () => {
  it.live("load nothing of libp2p", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      const guard = join(cwd, "guard.mjs")
      writeFileSync(
        guard,
        `import { registerHooks } from "node:module"
registerHooks({ resolve: (specifier, context, next) => {
  const found = next(specifier, context)
  if (/libp2p|\\/src\\/(node|wire|pool)\\//.test(found.url)) throw new Error("loaded " + found.url)
  return found
} })\n`
      )
      const env = {
        NODE_OPTIONS: `${process.env["NODE_OPTIONS"] ?? ""} --import ${pathToFileURL(guard).href}`.trim()
      }
      yield* cli(["init"], { cwd })
      const help = yield* cli(["--help"], { cwd, env })
      assert.strictEqual(help.code, 0)
      assert.include(help.stdout, "devnet")
      for (const command of ["status", "peers", "sessions"]) {
        const asked = yield* cli([command], { cwd, env })
        assert.strictEqual(asked.code, 1)
        assert.strictEqual(asked.stderr, `no node runs on ${join(cwd, "data")}: start one with  chain-p2p run\n`)
      }
      const guarded = yield* cli(["devnet", "--until-synced"], { cwd, env })
      assert.include(guarded.stderr, "loaded file:", "the guard itself works")
    }))

  it.live("print help, the version, and the nearest command for an unknown one", () =>
    Effect.gen(function*() {
      const version: unknown = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")).version
      assert.include((yield* cli(["--version"], { cwd: repository })).stdout, String(version))
      const unknown = yield* cli(["devnte"], { cwd: repository })
      assert.strictEqual(unknown.code, 1)
      assert.include(unknown.stderr, "Did you mean this?\n    devnet")
    }))
})
