/** Finds the session of each chain, and has its options checked; every mistake is one of the config file, at its place. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { existsSync } from "node:fs"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import type { Chain, Disk, MadeSession, P2pSession, SessionModule } from "../../signatures/index.ts"
import { type ChainSettings, explain, type Finding, nearest, type WrittenChain } from "../config/index.ts"
import { CliFailed } from "./failure.ts"

/** Once per chain and process. */
type Make = (chain: Chain) => Effect.Effect<MadeSession, CliFailed, Disk | Scope.Scope>
type Named = Pick<WrittenChain, "index" | "session" | "options" | "folder">
type Found = SessionModule | P2pSession<unknown>

const isSessionModule = (value: unknown): value is SessionModule =>
  typeof value === "object" && value !== null &&
  "make" in value && typeof value.make === "function" &&
  "options" in value && Schema.isSchema(value.options)

const isPlainSession = (value: unknown): value is P2pSession<unknown> => typeof value === "function"

const expected = "expected a module whose default export is a session: a function from a connection to an Effect, " +
  "fromAsync(…), or an object with options and make"

const loadModule = (path: string): Effect.Effect<Found, string> =>
  Effect.tryPromise({
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

const find = Effect.fnUntraced(function*({ folder, session }: Named): Effect.fn.Return<Found, string> {
  const { readySessions } = yield* Effect.promise(() => import("../sessions/index.ts"))
  const ready = readySessions.find(({ name }) => name === session)
  if (ready !== undefined) return ready
  const path = resolve(folder, session)
  if (existsSync(path)) return yield* loadModule(path)
  const names = readySessions.map(({ name }) => name)
  const meant = nearest(session, names)
  return yield* Effect.fail(
    `no ready-made session has this name (there is ${names.join(", ")}), and there is no module at ${path}` +
      (meant === undefined ? "" : `; did you mean ${meant}?`)
  )
})

const withOptions = (found: Found, named: Named): Result.Result<Make, ReadonlyArray<Finding>> => {
  const { folder, index, options } = named
  const path = ["chains", index, "options"]
  if (isPlainSession(found)) {
    return options === undefined
      ? Result.succeed(() => Effect.succeed({ session: found }))
      : Result.fail([{
        path,
        part: "value",
        what: "this session takes no options: its module exports a plain function"
      }])
  }
  const decoded = Schema.decodeExit(found.options, { errors: "all", onExcessProperty: "error" })(options ?? {})
  if (Exit.isFailure(decoded)) {
    const issues = decoded.cause.reasons.filter(Cause.isFailReason).map(({ error }) => error.issue)
    return Result.fail(issues.flatMap((issue) => explain(issue, options, path)))
  }
  const place = { resolve: (relative: string) => resolve(folder, relative) }
  return Result.succeed((chain) =>
    found.make(chain, decoded.value, place).pipe(
      Effect.mapError(({ message }) => new CliFailed({ message: `chain ${chain.name}: ${message}` }))
    )
  )
}

const resolveSession = (named: Named): Effect.Effect<Result.Result<Make, ReadonlyArray<Finding>>> =>
  Effect.map(Effect.result(find(named)), (found) =>
    Result.isSuccess(found)
      ? withOptions(found.success, named)
      : Result.fail([{ path: ["chains", named.index, "session"], part: "value", what: found.failure }]))

/** What is wrong with the session that a chain names, for the list of all mistakes. Starts nothing. */
export const checkSession = (chain: WrittenChain): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.map(resolveSession(chain), (resolved) => Result.isFailure(resolved) ? resolved.failure : [])

/** The session of a chain that was checked before. */
export const makeSession = Effect.fnUntraced(function*(chain: ChainSettings, folder: string) {
  const resolved = yield* resolveSession({ ...chain, folder })
  if (Result.isSuccess(resolved)) return yield* resolved.success(chain.node.chain)
  const [first] = resolved.failure
  return yield* new CliFailed({ message: `chain ${chain.node.chain.name}: ${first?.what ?? "no session"}` })
})
