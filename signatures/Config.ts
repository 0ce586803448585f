import * as Schema from "effect/Schema"

/** One mistake of the user's, as data: where, and what was expected and found instead. */
export const ConfigMistake = Schema.Struct({
  /** A file, `environment variable CHAIN_P2P_…`, or a flag. */
  source: Schema.String,
  /** From 1. Absent where the source has no lines, or the place could not be found. */
  line: Schema.optionalKey(Schema.Int),
  column: Schema.optionalKey(Schema.Int),
  /** As in `chains[0].sessionCount`; empty for the source as a whole. */
  path: Schema.String,
  /** `expected …, got …`. */
  what: Schema.String
})
export type ConfigMistake = typeof ConfigMistake.Type

/** `node.yaml:14:19 chains[0].sessionCount: expected an integer from 1 to 64, got "four"`. */
export const renderMistake = ({ source, line, column, path, what }: ConfigMistake): string =>
  `${source}${line === undefined ? "" : `:${line}:${column ?? 1}`}${path === "" ? "" : ` ${path}`}: ${what}`

/** Every mistake of a configuration at once. Nothing was started. */
export class ConfigInvalid extends Schema.TaggedError<ConfigInvalid>()("ConfigInvalid", {
  mistakes: Schema.NonEmptyArray(ConfigMistake)
}) {
  override get message(): string {
    return this.mistakes.map(renderMistake).join("\n")
  }
}

/** The node's private key can't be used. Says nothing of what is in it. */
export class KeyRejected extends Schema.TaggedError<KeyRejected>()("KeyRejected", {
  path: Schema.String,
  reason: Schema.Literals(["readable-by-others", "malformed", "unreadable", "unwritable"]),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const advice = {
      "readable-by-others": `other users can read this private key: run  chmod 600 '${this.path}'`,
      "malformed": "this is no ed25519 private key in PEM form: restore it, or move it away to start as a new peer",
      "unreadable": "the private key can't be read: check who owns it",
      "unwritable": "the private key can't be written: check who owns the folder, and the room on the disk"
    }
    return `${this.path}: ${advice[this.reason]}${this.cause instanceof Error ? ` (${this.cause.message})` : ""}`
  }
}

/** A data directory belongs to one process at a time. */
export class DataDirRejected extends Schema.TaggedError<DataDirRejected>()("DataDirRejected", {
  path: Schema.String,
  reason: Schema.Literals(["in-use", "unwritable", "path-too-long"]),
  /** Of the process that holds it, where that is known. */
  pid: Schema.optionalKey(Schema.Int),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const advice = {
      "in-use": `process ${
        this.pid ?? "of another node"
      } runs on this data directory: stop it, or choose another dataDir`,
      "unwritable": "the data directory can't be made or written: check who owns it",
      "path-too-long": "its path is too long for a socket (about 100 characters): choose a shorter dataDir"
    }
    return `${this.path}: ${advice[this.reason]}${this.cause instanceof Error ? ` (${this.cause.message})` : ""}`
  }
}
