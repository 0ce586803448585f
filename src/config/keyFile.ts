/**
 * The node's private key: ed25519, PKCS #8 in PEM, readable by its owner alone. Made on the first run. Nothing here ever
 * logs it, and no error holds any part of it.
 */
import * as Effect from "effect/Effect"
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto"
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync, statSync, writeSync } from "node:fs"
import { dirname, join } from "node:path"
import { KeyRejected } from "../../signatures/Config.ts"
import { PeerId } from "../../signatures/PeerId.ts"
import { base58 } from "./base58.ts"

export interface NodeKey {
  /** 32 bytes. Secret. */
  readonly seed: Uint8Array
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  readonly peer: PeerId
}

export const keyPath = (dataDir: string): string => join(dataDir, "key.pem")

const codeOf = (cause: unknown): unknown => cause instanceof Error && "code" in cause ? cause.code : undefined

/** The identity multihash of the protobuf of an ed25519 public key, in base58btc: libp2p's peer id. */
export const peerIdOf = (publicKey: Uint8Array): PeerId =>
  PeerId.make(base58(Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20, ...publicKey)))

const rawPart = (key: KeyObject, part: "d" | "x"): Uint8Array =>
  new Uint8Array(Buffer.from(key.export({ format: "jwk" })[part] ?? "", "base64url"))

const nodeKey = (pem: string): NodeKey | undefined => {
  const key = createPrivateKey(pem)
  if (key.asymmetricKeyType !== "ed25519") return undefined
  const publicKey = rawPart(createPublicKey(key), "x")
  return { seed: rawPart(key, "d"), publicKey, peer: peerIdOf(publicKey) }
}

/** Fails if there is no key: see `loadOrMakeKey`. */
export const loadKey = (path: string): Effect.Effect<NodeKey, KeyRejected> =>
  Effect.suspend(() => {
    let pem: string
    try {
      // Windows has no such bits; there the folder's access list protects the key.
      if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0) {
        return Effect.fail(new KeyRejected({ path, reason: "readable-by-others" }))
      }
      pem = readFileSync(path, "utf8")
    } catch (cause) {
      return Effect.fail(new KeyRejected({ path, reason: "unreadable", cause }))
    }
    try {
      const key = nodeKey(pem)
      if (key !== undefined) return Effect.succeed(key)
    } catch {
      // What OpenSSL says of a broken key helps nobody, and might quote it.
    }
    return Effect.fail(new KeyRejected({ path, reason: "malformed" }))
  })

/** A fresh key that no other process sees half-written: it is made under its own name only if there is none yet. */
const makeKey = (path: string): Effect.Effect<void, KeyRejected> =>
  Effect.try({
    try: () => {
      const { privateKey } = generateKeyPairSync("ed25519")
      const file = openSync(path, "wx", 0o600)
      try {
        writeSync(file, privateKey.export({ format: "pem", type: "pkcs8" }).toString())
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
    },
    catch: (cause) => new KeyRejected({ path, reason: "unwritable", cause })
  })

/** The folder is made 0700 where it is missing; one that is there keeps its rights. */
export const makePrivateFolder = (path: string): void => {
  if (mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined) chmodSync(path, 0o700)
}

const hasKey = (path: string): Effect.Effect<boolean> =>
  Effect.sync(() => {
    try {
      statSync(path)
      return true
    } catch (cause) {
      // Anything but its absence is told when the key is read.
      return codeOf(cause) !== "ENOENT"
    }
  })

/** For the one process that holds the data directory. */
export const loadOrMakeKey = Effect.fnUntraced(function*(path: string): Effect.fn.Return<NodeKey, KeyRejected> {
  if (!(yield* hasKey(path))) {
    yield* Effect.try({
      try: () => makePrivateFolder(dirname(path)),
      catch: (cause) => new KeyRejected({ path, reason: "unwritable", cause })
    })
    yield* makeKey(path)
  }
  return yield* loadKey(path)
})
