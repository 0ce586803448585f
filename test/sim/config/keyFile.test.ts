import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { spawn } from "node:child_process"
import { createPrivateKey, sign, verify } from "node:crypto"
import { once } from "node:events"
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { lockPath } from "../../../src/config/dataDir.ts"
import { keyPath, loadKey, loadOrMakeKey, lockDataDir } from "../../../src/config/index.ts"
import { peerIdOf } from "../../../src/config/keyFile.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "chain-p2p-key-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

describe("a key file", () => {
  it.live("is made once, 0600 in a 0700 folder, and read again after", () =>
    Effect.gen(function*() {
      const path = keyPath(join(yield* folder, "deep", "data"))
      const made = yield* loadOrMakeKey(path)
      assert.strictEqual(statSync(path).mode & 0o777, 0o600)
      assert.strictEqual(statSync(join(path, "..")).mode & 0o777, 0o700)
      const text = readFileSync(path, "utf8")
      assert.deepStrictEqual(yield* loadOrMakeKey(path), made)
      assert.strictEqual(readFileSync(path, "utf8"), text)
    }))

  it.live("holds the pair that the peer id names", () =>
    Effect.gen(function*() {
      const path = keyPath(yield* folder)
      const { publicKey, seed } = yield* loadOrMakeKey(path)
      const message = new TextEncoder().encode("hello")
      const signature = sign(null, message, createPrivateKey(readFileSync(path, "utf8")))
      const jwk = { kty: "OKP", crv: "Ed25519", x: Buffer.from(publicKey).toString("base64url") }
      assert.isTrue(verify(null, message, { key: jwk, format: "jwk" }, signature))
      assert.strictEqual(seed.length, 32)
    }))

  it("gives the peer id that libp2p gives", () => {
    // Of the all-zero public key: 12D3KooW… is the identity multihash of the protobuf of an ed25519 key.
    assert.match(peerIdOf(new Uint8Array(32)), /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/)
  })

  it.live("is refused while others can read it, with the command that mends it", () =>
    Effect.gen(function*() {
      const path = keyPath(yield* folder)
      yield* loadOrMakeKey(path)
      chmodSync(path, 0o640)
      const error = yield* Effect.flip(loadKey(path))
      assert.strictEqual(error.reason, "readable-by-others")
      assert.include(error.message, `chmod 600 '${path}'`)
      chmodSync(path, 0o600)
      yield* loadKey(path)
    }))

  it.live("is refused when it is no ed25519 key, without a word of what is in it", () =>
    Effect.gen(function*() {
      const path = keyPath(yield* folder)
      writeFileSync(path, "-----BEGIN PRIVATE KEY-----\nsecretsecret\n-----END PRIVATE KEY-----\n", { mode: 0o600 })
      const error = yield* Effect.flip(loadKey(path))
      assert.strictEqual(error.reason, "malformed")
      assert.notInclude(JSON.stringify(error) + error.message + String(error.stack), "secretsecret")
    }))
})

describe("a data directory", () => {
  it.live("belongs to one holder at a time, and is free again when its scope closes", () =>
    Effect.gen(function*() {
      const path = yield* folder
      yield* Effect.scoped(Effect.gen(function*() {
        yield* lockDataDir(path)
        const error = yield* Effect.flip(Effect.scoped(lockDataDir(path)))
        assert.strictEqual(error.reason, "in-use")
        assert.strictEqual(error.pid, process.pid)
      }))
      assert.deepStrictEqual(readdirSync(path), [])
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(Effect.scoped(lockDataDir(path)))))
    }))

  it.live("is taken over from a process that was killed", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const holder = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"])
      const start = existsSync("/proc/self/stat")
        ? readFileSync(`/proc/${holder.pid}/stat`, "utf8").split(") ")[1]?.split(" ")[19] ?? ""
        : ""
      writeFileSync(lockPath(path), `${holder.pid} ${start}\n`)
      assert.strictEqual((yield* Effect.flip(Effect.scoped(lockDataDir(path)))).pid, holder.pid)
      holder.kill("SIGKILL")
      yield* Effect.promise(() => once(holder, "exit"))
      yield* Effect.scoped(lockDataDir(path))
    }))

  it.live("is taken over when its holder's process id went to another process since", () =>
    Effect.gen(function*() {
      const path = yield* folder
      writeFileSync(lockPath(path), `${process.pid} 1\n`)
      yield* Effect.scoped(lockDataDir(path))
    }))

  it.live("goes to exactly one of many that find a stale lock at the same time", () =>
    Effect.gen(function*() {
      const path = yield* folder
      writeFileSync(lockPath(path), "999999999 \n")
      const exits = yield* Effect.scoped(
        Effect.all(Array.from({ length: 8 }, () => Effect.exit(lockDataDir(path))), { concurrency: "unbounded" })
      )
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
    }))
})
