import { Context, type Effect, type Option, Schema } from "effect"

/** `missing` is a fact about the path; `io` anything the system reports that is none of the others. */
export class DiskFailed extends Schema.TaggedError<DiskFailed>()("DiskFailed", {
  path: Schema.String,
  reason: Schema.Literals(["full", "denied", "missing", "io"]),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const advice = {
      full: "the disk is full: make room and start again",
      denied: "permission denied: check who owns it",
      missing: "there is no such file",
      io: "the system reported an error"
    }
    return `${this.path}: ${advice[this.reason]}${this.cause instanceof Error ? ` (${this.cause.message})` : ""}`
  }
}

/**
 * Files, as little of them as a durable store needs, so that a simulation can tear their writes. Its laws are tested in
 * `test/laws/Disk.laws.ts`: what was written before a `sync` that succeeded survives a crash; of what was written after it,
 * any part may, in any order of blocks, so readers check what they read; `replace` is all or nothing.
 */
export class Disk extends Context.Service<Disk, {
  /** The bytes from `from` (inclusive) to `to` (exclusive), fewer where the file ends before. */
  readonly read: (path: string, from: number, to: number) => Effect.Effect<Uint8Array, DiskFailed>
  /** In bytes; none if there is no such file. */
  readonly size: (path: string) => Effect.Effect<Option.Option<number>, DiskFailed>
  /** Makes the file, and folders above it, where they are missing. Durable after `sync`. */
  readonly append: (path: string, bytes: Uint8Array) => Effect.Effect<void, DiskFailed>
  readonly sync: (path: string) => Effect.Effect<void, DiskFailed>
  /** Never makes a file longer. Durable after `sync`. */
  readonly truncate: (path: string, size: number) => Effect.Effect<void, DiskFailed>
  /** Atomic and durable: after a crash the file has the old contents or the new. */
  readonly replace: (path: string, bytes: Uint8Array) => Effect.Effect<void, DiskFailed>
  /** Renames a damaged file and gives its new name. */
  readonly setAside: (path: string) => Effect.Effect<string, DiskFailed>
}>()("chain-p2p/signatures/Disk") {}
