/** Finds the session of each chain, and has its options checked; every mistake is one of the config file, at its place. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { existsSync } from "node:fs"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import type {
  ConfigInvalid,
  Disk,
  MadeSession,
  P2pNodeConfig,
  P2pSession,
  SessionModule
} from "../../signatures/index.ts"
import {
  builtInSessions,
  type ChainSettings,
  explain,
  type Finding,
  invalid,
  type Loaded,
  nearest
} from "../config/index.ts"
import { CliFailed } from "./failure.ts"

export interface ReadyChain {
  readonly node: P2pNodeConfig
  /** Once per process. */
  readonly make: Effect.Effect<MadeSession, CliFailed, Disk | Scope.Scope>
}

type Found = SessionModule | P2pSession<unknown>

const isSessionModule = (value: unknown): value is SessionModule =>
  typeof value === "object" && value !== null &&
  "make" in value && typeof value.make === "function" &&
  "options" in value && Schema.isSchema(value.options)

const isPlainSession = (value: unknown): value is P2pSession<unknown> => typeof value === "function"

const expected = "expected a module whose default export is a session: a function from a connection to an Effect, " +
  "fromAsync(…), or an object with options and make"

const loadModule = (path: string, written: string): Effect.Effect<Found, string> => {
  if (!existsSync(path)) {
    const meant = nearest(written, builtInSessions)
    return Effect.fail(
      `no ready-made session has this name (there is ${
        [...builtInSessions].join(", ")
      }), and there is no module at ${path}` +
        (meant === undefined ? "" : `; did you mean ${meant}?`)
    )
  }
  return Effect.tryPromise({
    try: (): Promise<{ readonly default?: unknown }> => import(pathToFileURL(path).href),
    catch: (cause) =>
      `the module can't be loaded: ${cause instanceof Error ? cause.message.split("\n")[0] : String(cause)}`
  }).pipe(
    Effect.flatMap(({ default: found }) =>
      isSessionModule(found) || isPlainSession(found)
        ? Effect.succeed(found)
        : Effect.fail(`${expected}, got ${found === undefined ? "no default export" : typeof found}`)
    )
  )
}

const readySession = Effect.fnUntraced(function*(name: string): Effect.fn.Return<Found, string> {
  const { readySessions } = yield* Effect.promise(() => import("../sessions/index.ts"))
  return readySessions.find((session) => session.name === name) ?? (yield* Effect.fail(`there is no session ${name}`))
})

const find = ({ session }: ChainSettings, written: string): Effect.Effect<Found, string> =>
  "builtIn" in session ? readySession(session.builtIn) : loadModule(session.module, written)

type Checked = { readonly ready: ReadyChain } | { readonly findings: ReadonlyArray<Finding> }

const check = Effect.fnUntraced(
  function*(loaded: Loaded, chain: ChainSettings, index: number): Effect.fn.Return<Checked> {
    const written = loaded.values.chains[index]?.session ?? ""
    const found = yield* Effect.result(find(chain, written))
    if (found._tag === "Failure") {
      return { findings: [{ path: ["chains", index, "session"], part: "value", what: found.failure }] }
    }
    const session = found.success
    const { node, options } = chain
    const path = ["chains", index, "options"]
    if (isPlainSession(session)) {
      return loaded.values.chains[index]?.options === undefined
        ? { ready: { node, make: Effect.succeed({ session }) } }
        : {
          findings: [{
            path,
            part: "value",
            what: "this session takes no options: its module exports a plain function"
          }]
        }
    }
    const decoded = Schema.decodeUnknownExit(session.options, { errors: "all", onExcessProperty: "error" })(options)
    if (Exit.isFailure(decoded)) {
      const issues = decoded.cause.reasons.filter(Cause.isFailReason).map(({ error }) => error.issue)
      return { findings: issues.flatMap((issue) => explain(issue, loaded.values, path)) }
    }
    const place = { resolve: (relative: string) => resolve(loaded.settings.folder, relative) }
    const make = session.make(node.chain, decoded.value, place).pipe(
      Effect.mapError(({ message }) => new CliFailed({ message: `chain ${node.chain.name}: ${message}` }))
    )
    return { ready: { node, make } }
  }
)

/** Of the chains at these places of the file, in order; all by default. Nothing is started. */
export const loadSessions = Effect.fnUntraced(
  function*(
    loaded: Loaded,
    wanted: (name: string) => boolean = () => true
  ): Effect.fn.Return<ReadonlyArray<ReadyChain>, ConfigInvalid> {
    const checked = yield* Effect.forEach(
      loaded.settings.chains.map((chain, index) => [chain, index] as const).filter(([{ node }]) =>
        wanted(node.chain.name)
      ),
      ([chain, index]) => check(loaded, chain, index)
    )
    yield* invalid(checked.flatMap((chain) => "findings" in chain ? chain.findings : []).map(loaded.mistake))
    return checked.flatMap((chain) => "ready" in chain ? [chain.ready] : [])
  }
)
