/** From a file, the environment and flags to settings that can be run, or to every mistake at once. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { ConfigInvalid, type ConfigMistake, renderMistake } from "../../signatures/Config.ts"
import { type Document, readDocument } from "./document.ts"
import { type Override, readEnvironment } from "./environment.ts"
import { explain, type Finding, show } from "./explain.ts"
import { NodeFile } from "./NodeFile.ts"
import { ruleMistakes, ruleWarnings } from "./rules.ts"
import { type ChainSettings, type NodeSettings, settingsOf } from "./settings.ts"
import { fileShape, type Path, renderPath, valueAt } from "./shape.ts"

export interface Loaded {
  readonly settings: NodeSettings
  /** As in the file, with the overrides; without defaults. */
  readonly values: NodeFile
  readonly warnings: ReadonlyArray<string>
  /** Who gave the value: a place of the file, a variable, a flag; none where it is the default. */
  readonly origin: (path: Path) => string | undefined
}

export interface LoadOptions {
  /** As the user wrote it; messages show it so. */
  readonly file: string
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Values of flags, stronger than all else. */
  readonly flags?: ReadonlyArray<Override>
  /** Where relative paths start; by default the file's folder. */
  readonly folder?: string
  /** Looks into the sessions that the chains name, so that their mistakes are told with all others. */
  readonly checkSession?: (chain: WrittenChain) => Effect.Effect<ReadonlyArray<Finding>>
}

/** What a chain says of its session, though other keys of it may be mistaken. */
export interface WrittenChain {
  readonly index: number
  readonly name: unknown
  readonly session: string
  /** Undefined where the file has none. */
  readonly options: unknown
  /** Of the file. */
  readonly folder: string
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A copy with the value at the path; a path through something that is no object or list is left as it is. */
const withValue = (root: unknown, [head, ...rest]: Path, value: unknown): unknown => {
  if (head === undefined) return value
  if (Array.isArray(root) && typeof head === "number") {
    return root.map((item: unknown, index) => index === head ? withValue(item, rest, value) : item)
  }
  if (root !== undefined && root !== null && !isObject(root)) return root
  return { ...root, [head]: withValue(root?.[head], rest, value) }
}

const covers = (path: Path, by: Path): boolean => by.every((key, index) => path[index] === key)

const overrideOf = (overrides: ReadonlyArray<Override>, path: Path): Override | undefined =>
  overrides.findLast((override) => covers(path, override.path))

const mistakeAt =
  (document: Document, overrides: ReadonlyArray<Override>) => ({ path, part, what }: Finding): ConfigMistake => {
    const override = overrideOf(overrides, path)
    const text = renderPath(path)
    if (override !== undefined) return { source: override.source, path: text, what }
    const place = document.place(path, part)
    return { source: document.source, path: text, what, ...(place ? { line: place.line, column: place.column } : {}) }
  }

const inOrder = (mistakes: ReadonlyArray<ConfigMistake>): ReadonlyArray<ConfigMistake> =>
  mistakes.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))

const invalid = (mistakes: ReadonlyArray<ConfigMistake>): Effect.Effect<void, ConfigInvalid> => {
  const [first, ...rest] = inOrder(mistakes)
  return first === undefined ? Effect.void : Effect.fail(new ConfigInvalid({ mistakes: [first, ...rest] }))
}

const readText = (file: string): Effect.Effect<string, ConfigInvalid> =>
  Effect.try({
    try: () => readFileSync(file, "utf8"),
    catch: (cause) => {
      const code = cause instanceof Error && "code" in cause ? cause.code : undefined
      const what = code === "ENOENT"
        ? "there is no such file; `chain-p2p init` writes one"
        : `can't be read${cause instanceof Error ? ` (${cause.message})` : ""}`
      return new ConfigInvalid({ mistakes: [{ source: file, path: "", what }] })
    }
  })

const decode = Schema.decodeUnknownExit(NodeFile, { errors: "all", onExcessProperty: "error" })

const findings = (values: unknown): ReadonlyArray<Finding> => {
  const exit = decode(values)
  if (Exit.isSuccess(exit)) return []
  return exit.cause.reasons
    .filter(Cause.isFailReason)
    .flatMap(({ error }) => explain(error.issue, values, [], fileShape))
}

const writtenChains = (values: unknown, folder: string): ReadonlyArray<WrittenChain> => {
  const chains = valueAt(values, ["chains"])
  return (Array.isArray(chains) ? chains : []).flatMap((chain: unknown, index) => {
    const session = valueAt(chain, ["session"])
    const [name, options] = [valueAt(chain, ["name"]), valueAt(chain, ["options"])]
    return typeof session === "string" && session !== "" ? [{ index, name, session, options, folder }] : []
  })
}

/** A text with all that stands above it, checked, and the findings to tell beside it. */
const read = Effect.fnUntraced(function*(
  text: string,
  options: LoadOptions,
  look: (values: unknown) => ReadonlyArray<Finding>
) {
  const document = readDocument(options.file, text)
  yield* invalid(document.mistakes)
  const environment = readEnvironment(options.environment ?? {}, document.value)
  const overrides = [...environment.overrides, ...options.flags ?? []]
  const values = overrides.reduce((root, { path, value }) => withValue(root, path, value), document.value)
  const mistake = mistakeAt(document, overrides)
  const folder = options.folder ?? dirname(resolve(options.file))
  const ofSessions = yield* Effect.forEach(
    writtenChains(values, folder),
    options.checkSession ?? (() => Effect.succeed([]))
  )
  const found = [...look(document.value), ...findings(values), ...ruleMistakes(values), ...ofSessions.flat()]
  yield* invalid(found.map(mistake))
  const valid = yield* Schema.decodeUnknownEffect(NodeFile)(values).pipe(Effect.orDie)
  const origin = (path: Path) => overrideOf(overrides, path)?.source ?? placeText(document, values, path)
  return { valid, settings: settingsOf(valid, folder), environment, origin, explain: mistake }
})

export const loadText = Effect.fnUntraced(function*(text: string, options: LoadOptions): Effect.fn.Return<
  Loaded,
  ConfigInvalid
> {
  const { environment, explain, origin, settings, valid } = yield* read(text, options, () => [])
  return {
    settings,
    values: valid,
    warnings: [...environment.warnings, ...ruleWarnings(valid).map(explain).map(renderMistake)],
    origin
  }
})

/** Chains for a node that runs. */
export interface LoadedChains {
  readonly chains: ReadonlyArray<ChainSettings>
  /** About these chains only. */
  readonly warnings: ReadonlyArray<string>
}

/**
 * Chains to add to a node that runs: a text with the `chains` of a config file, or what flags say of them. Each means what
 * it would mean in the node's own file.
 */
export const loadChains = Effect.fnUntraced(function*(
  text: string,
  options: LoadOptions & {
    /** Of the node. The text may name it too, but no other. */
    readonly network: string
  }
): Effect.fn.Return<LoadedChains, ConfigInvalid> {
  const { network } = options
  const theirs = { path: ["network"], value: network, source: "the running node" }
  const look = (written: unknown): ReadonlyArray<Finding> =>
    Object.entries(isObject(written) ? written : {}).flatMap(([key, value]): ReadonlyArray<Finding> =>
      key === "chains" || !fileShape.keys.has(key)
        ? []
        : key !== "network"
        ? [{ path: [key], part: "key", what: "expected chains and nothing else: this can't change while a node runs" }]
        : value === network
        ? []
        : [{ path: [], part: "key", what: `expected the network ${network} of the running node, got ${show(value)}` }]
    )
  const { explain, settings, valid } = yield* read(text, { ...options, flags: [theirs, ...options.flags ?? []] }, look)
  return {
    chains: settings.chains,
    warnings: ruleWarnings(valid).filter(({ path }) => path[0] === "chains").map(explain).map(renderMistake)
  }
})

const placeText = (document: Document, values: unknown, path: Path): string | undefined => {
  if (valueAt(values, path) === undefined) return undefined
  const place = document.place(path, "value")
  return place === undefined ? document.source : `${document.source}:${place.line}:${place.column}`
}

export const loadConfig = (options: LoadOptions): Effect.Effect<Loaded, ConfigInvalid> =>
  Effect.flatMap(readText(options.file), (text) => loadText(text, options))
